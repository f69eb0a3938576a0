//! Several objects below one place: sent as they are made, and all given their names at the end.

use std::io;
use std::path::Path;

use olbridge_delta::object_store::ObjectStoreExt as _;
use olbridge_delta::runtime;
use olbridge_delta::store::Opened;

use super::upload::{Sealed, Upload};
use super::{has_objects_below, open, refuse_web_server};
use crate::error::{Error, Phase, Result};
use crate::lake::source_error;

/// What says that all others are there, for whoever looks for it (as Hadoop and Spark do).
const SUCCESS: &str = "_SUCCESS";

/// A directory of a store that is being written. Dropped before [`Self::publish`] it leaves nothing.
#[derive(Debug)]
pub(in crate::lake) struct Prefix {
    url: String,
    opened: Opened,
    sealed: Vec<Sealed>,
}

impl Prefix {
    /// A place with nothing below.
    ///
    /// # Errors
    /// [`Error::Source`] where something is there: it could not be replaced all at once.
    pub(in crate::lake) fn begin(url: &str) -> Result<Self> {
        let opened = open(url, Phase::Write)?;
        refuse_web_server(&opened, url)?;
        Self::within(opened)
    }

    pub(super) fn within(opened: Opened) -> Result<Self> {
        let prefix = Prefix { url: opened.location.to_string(), opened, sealed: Vec::new() };
        prefix.refuse_objects()?;
        Ok(prefix)
    }

    fn refuse_objects(&self) -> Result<()> {
        if !has_objects_below(&self.opened, Phase::Write)? {
            return Ok(());
        }
        let message = "objects are there already, and a store cannot replace several at once";
        Err(source_error(
            Phase::Write,
            Path::new(&self.url),
            message,
            "name another place, or remove them first; Delta tables (delta:) can be replaced",
        ))
    }

    fn at(&self, name: &str) -> Result<Opened> {
        let wrong = |error: &dyn std::fmt::Display| source_error(Phase::Write, Path::new(&self.url), error.to_string(), "another name");
        let location = self.opened.location.join(name).map_err(|error| wrong(&error))?;
        let path = olbridge_delta::object_store::path::Path::parse(location.key()).map_err(|error| wrong(&error))?;
        Ok(Opened { store: self.opened.store.clone(), path, url: location.url().clone(), location })
    }

    /// An object of it.
    pub(in crate::lake) fn open(&self, name: &str) -> Result<Upload> {
        Ok(Upload::small(self.at(name)?))
    }

    /// An object of it is whole.
    pub(in crate::lake) fn seal(&mut self, upload: Upload) -> io::Result<()> {
        self.sealed.push(upload.seal()?);
        Ok(())
    }

    /// Gives all objects their names, one after the other, and then writes `_SUCCESS`. When that fails, those that have one are removed again.
    pub(in crate::lake) fn publish(&mut self) -> Result<()> {
        self.refuse_objects()?;
        let mut joined = Vec::with_capacity(self.sealed.len());
        let done = self.sealed.drain(..).try_for_each(|sealed| {
            joined.push(sealed.join()?);
            Ok(())
        });
        done.and_then(|()| self.mark()).inspect_err(|_: &Error| remove(&joined))
    }

    fn mark(&self) -> Result<()> {
        let opened = self.at(SUCCESS)?;
        super::wait(&opened, (Phase::Write, "write"), opened.store.put(&opened.path, Vec::new().into())).map(drop)
    }
}

/// What cannot be removed stays without `_SUCCESS`; the error that led here is the news.
fn remove(objects: &[Opened]) {
    let _ = runtime::block_on(async {
        for object in objects {
            let _ = object.store.delete(&object.path).await;
        }
    });
}
