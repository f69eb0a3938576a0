//! Opens the store that holds a location, with the credential and the options that belong to it.

mod config;
mod fault;
pub(crate) mod layer;
mod remote;
mod service;
mod token;

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::path::Path;
use url::Url;

pub use fault::store_error;
pub(crate) use fault::without_queries;

use crate::connection::StoreOptions;
use crate::error::{Error, Result};
use crate::location::{Location, Service};
use config::Settings;
use remote::Remote;

/// A store, and the place in it that was asked for. Clones share the store and its connections.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The store as a whole: a bucket, a container, a workspace, a host, or the local file system from `/`.
    pub store: Arc<dyn ObjectStore>,
    /// The place in it.
    pub path: Path,
    /// The canonical URL of that place.
    pub url: Url,
    /// The same with its parts.
    pub location: Location,
}

/// Opens the store of `location`. Nothing is sent yet, so that a wrong credential shows at the first use; commands and files that hold secrets of
/// a fixed credential are read now.
///
/// # Errors
/// [`Error::Connection`], [`Error::Credential`] or [`Error::Option`] when what is configured does not fit the service.
pub fn open(location: &Location, options: &StoreOptions) -> Result<Opened> {
    let (credential, options) = options.resolve(location)?;
    let settings = Settings { location, credential, options };
    let store = match location.service() {
        Service::Local => service::local(&settings)?,
        Service::S3 { bucket, address } => remote(service::s3(&settings, bucket, address.as_deref())?),
        Service::Google { bucket } => remote(service::google(&settings, bucket)?),
        Service::Azure { container, account, endpoint } => {
            remote(service::azure(&settings, container, account.as_deref(), endpoint.as_deref())?)
        }
        Service::OneLake { workspace, account } => Remote::onelake(service::onelake(&settings, workspace, account)?),
        Service::Http { base } => Remote::read_only(service::http(&settings, base)?),
    };
    let path = Path::parse(location.key()).map_err(|error| Error::Location {
        location: location.to_string(),
        message: error.to_string(),
        remedy: "a name without control characters".into(),
    })?;
    Ok(Opened { store, path, url: location.url().clone(), location: location.clone() })
}

fn remote(store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
    Remote::store(store)
}
