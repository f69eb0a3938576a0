//! One function per service: settings → store.

use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey as S3Key};
use object_store::azure::{AzureConfigKey as AzureKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey as GoogleKey};
use object_store::http::HttpBuilder;
use object_store::local::LocalFileSystem;
use object_store::{ClientConfigKey, ClientOptions, HeaderMap, HeaderValue, ObjectStore};

use super::config::Settings;
use super::token::{Renewed, bearer};
use crate::credential::Credential;
use crate::error::{Error, Result};
use crate::secret::SecretSource;

type Store = Arc<dyn ObjectStore>;

fn built<S: ObjectStore>(settings: &Settings<'_>, built: object_store::Result<S>) -> Result<Store> {
    match built {
        Ok(store) => Ok(Arc::new(store)),
        Err(error) => Err(super::store_error("open", settings.location, &error)),
    }
}

pub(super) fn local(settings: &Settings<'_>) -> Result<Store> {
    settings.refuse_unknown(|key| {
        key.parse::<S3Key>().is_ok()
            || key.parse::<AzureKey>().is_ok()
            || key.parse::<GoogleKey>().is_ok()
            || key.parse::<ClientConfigKey>().is_ok()
    })?;
    match &settings.credential {
        // Options of a job with several stores are not for the local one.
        Credential::Environment | Credential::Anonymous => Ok(Arc::new(LocalFileSystem::new())),
        _ => Err(settings.not_for_this_service("no credential for a local path")),
    }
}

pub(super) fn s3(settings: &Settings<'_>, bucket: &str, address: Option<&str>) -> Result<Store> {
    let mut builder = AmazonS3Builder::new();
    for (key, value) in settings.pairs::<S3Key>("AWS_", is_s3_credential)? {
        builder = builder.with_config(key, value);
    }
    builder = builder.with_retry(settings.retry()?);
    builder = match address {
        Some(address) => builder.with_url(address),
        None => builder.with_bucket_name(bucket),
    };
    builder = match &settings.credential {
        Credential::Environment | Credential::ManagedIdentity { client_id: None, object_id: None, resource_id: None } => builder,
        Credential::AccessKey { access_key_id, secret_access_key, session_token } => {
            let builder = builder.with_access_key_id(access_key_id).with_secret_access_key(settings.secret(secret_access_key)?);
            match session_token {
                Some(token) => builder.with_token(settings.secret(token)?),
                None => builder,
            }
        }
        Credential::Process { command } => builder.with_credentials(Arc::new(Renewed::new(SecretSource::Command(command.clone())))),
        Credential::Anonymous => builder.with_skip_signature(true),
        _ => {
            return Err(
                settings.not_for_this_service("environment, access-key, process, managed-identity (the role of the machine) or anonymous")
            );
        }
    };
    built(settings, builder.build())
}

fn is_s3_credential(key: &S3Key) -> bool {
    matches!(
        key,
        S3Key::AccessKeyId
            | S3Key::SecretAccessKey
            | S3Key::Token
            | S3Key::WebIdentityTokenFile
            | S3Key::RoleArn
            | S3Key::RoleSessionName
            | S3Key::ContainerCredentialsRelativeUri
            | S3Key::ContainerCredentialsFullUri
            | S3Key::ContainerAuthorizationTokenFile
            | S3Key::SkipSignature
    )
}

pub(super) fn google(settings: &Settings<'_>, bucket: &str) -> Result<Store> {
    let is_credential = |key: &GoogleKey| {
        matches!(
            key,
            GoogleKey::ServiceAccount | GoogleKey::ServiceAccountKey | GoogleKey::ApplicationCredentials | GoogleKey::SkipSignature
        )
    };
    let mut builder = GoogleCloudStorageBuilder::new();
    for (key, value) in settings.pairs::<GoogleKey>("GOOGLE_", is_credential)? {
        builder = builder.with_config(key, value);
    }
    builder = builder.with_retry(settings.retry()?).with_bucket_name(bucket);
    builder = match &settings.credential {
        Credential::Environment | Credential::ManagedIdentity { client_id: None, object_id: None, resource_id: None } => builder,
        Credential::BearerToken { token } => builder.with_credentials(Arc::new(Renewed::new(token.clone()))),
        Credential::ServiceAccount { file } => builder.with_service_account_path(file.to_string_lossy()),
        Credential::Anonymous => builder.with_skip_signature(true),
        _ => return Err(settings.not_for_this_service("environment, service-account, bearer-token, managed-identity or anonymous")),
    };
    built(settings, builder.build())
}

pub(super) fn azure(settings: &Settings<'_>, container: &str, account: Option<&str>, endpoint: Option<&str>) -> Result<Store> {
    let mut builder = azure_builder(settings, account.is_some())?;
    if let Some(account) = account {
        builder = builder.with_account(account);
    }
    if let Some(endpoint) = endpoint.filter(|_| !settings.options.contains_key("endpoint")) {
        builder = builder.with_endpoint(endpoint.to_owned());
    }
    builder = match &settings.credential {
        Credential::AccountKey { key } => builder.with_access_key(settings.secret(key)?),
        Credential::Sas { token } => builder.with_config(AzureKey::SasKey, settings.secret(token)?),
        _ => entra(
            settings,
            builder,
            "environment, client-secret, managed-identity, workload-identity, azure-cli, bearer-token, account-key, sas or anonymous",
        )?,
    };
    built(settings, builder.with_container_name(container).build())
}

pub(super) fn onelake(settings: &Settings<'_>, workspace: &str, account: &str) -> Result<Store> {
    let builder = azure_builder(settings, true)?.with_account(account).with_use_fabric_endpoint(true);
    let builder = entra(settings, builder, "environment, client-secret, managed-identity, workload-identity, azure-cli or bearer-token")?;
    built(settings, builder.with_container_name(workspace).build())
}

/// The builder with options and variables. An endpoint in the environment is for an account that the location does not name.
fn azure_builder(settings: &Settings<'_>, account_is_named: bool) -> Result<MicrosoftAzureBuilder> {
    let mut builder = MicrosoftAzureBuilder::new();
    let from_options = ["endpoint", "azure_endpoint", "azure_storage_endpoint"].iter().any(|key| settings.options.contains_key(*key));
    for (key, value) in settings.pairs::<AzureKey>("AZURE_", is_azure_credential)? {
        if !(key == AzureKey::Endpoint && account_is_named && !from_options) {
            builder = builder.with_config(key, value);
        }
    }
    if let (Credential::Environment | Credential::ManagedIdentity { .. }, Ok(endpoint)) =
        (&settings.credential, std::env::var("IDENTITY_ENDPOINT"))
    {
        builder = builder.with_msi_endpoint(endpoint);
    }
    Ok(builder.with_retry(settings.retry()?))
}

fn is_azure_credential(key: &AzureKey) -> bool {
    matches!(
        key,
        AzureKey::AccessKey
            | AzureKey::ClientId
            | AzureKey::ClientSecret
            | AzureKey::AuthorityId
            | AzureKey::SasKey
            | AzureKey::Token
            | AzureKey::ObjectId
            | AzureKey::MsiResourceId
            | AzureKey::FederatedTokenFile
            | AzureKey::UseAzureCli
            | AzureKey::SkipSignature
            | AzureKey::FabricTokenServiceUrl
            | AzureKey::FabricWorkloadHost
            | AzureKey::FabricSessionToken
            | AzureKey::FabricClusterIdentifier
    )
}

/// The credentials of Microsoft Entra, which Azure and OneLake share.
fn entra(settings: &Settings<'_>, builder: MicrosoftAzureBuilder, possible: &str) -> Result<MicrosoftAzureBuilder> {
    let set = |builder: MicrosoftAzureBuilder, key: AzureKey, value: &Option<String>| match value {
        Some(value) => builder.with_config(key, value),
        None => builder,
    };
    Ok(match &settings.credential {
        Credential::Environment => builder,
        Credential::ClientSecret { tenant_id, client_id, client_secret } => {
            builder.with_client_secret_authorization(client_id, settings.secret(client_secret)?, tenant_id)
        }
        Credential::ManagedIdentity { client_id, object_id, resource_id } => {
            let builder = set(set(builder, AzureKey::ClientId, client_id), AzureKey::ObjectId, object_id);
            set(builder, AzureKey::MsiResourceId, resource_id)
        }
        Credential::WorkloadIdentity { tenant_id, client_id, token_file } => {
            builder.with_client_id(client_id).with_tenant_id(tenant_id).with_federated_token_file(token_file.to_string_lossy())
        }
        Credential::AzureCli => builder.with_use_azure_cli(true),
        Credential::BearerToken { token } => builder.with_credentials(Arc::new(Renewed::new(token.clone()))),
        Credential::Anonymous => builder.with_skip_signature(true),
        _ => return Err(settings.not_for_this_service(possible)),
    })
}

pub(super) fn http(settings: &Settings<'_>, base: &str) -> Result<Store> {
    let mut options = ClientOptions::new();
    // Written as http:// it was meant; a token is not sent that way all the same.
    if base.starts_with("http://") {
        options = options.with_allow_http(true);
    }
    for (key, value) in settings.pairs::<ClientConfigKey>("OLBRIDGE_HTTP_", |_| false)? {
        options = options.with_config(key, value);
    }
    match &settings.credential {
        Credential::Environment | Credential::Anonymous => {}
        Credential::BearerToken { token } if base.starts_with("https://") => {
            let text = settings.secret(token)?;
            let (token, _) = bearer(&text).map_err(|message| settings.credential_error(message, "a bearer token"))?;
            options = options.with_default_headers(authorization(settings, &token)?);
        }
        Credential::BearerToken { .. } => return Err(settings.credential_error("a token is not sent without TLS".into(), "https://")),
        _ => return Err(settings.not_for_this_service("bearer-token or anonymous")),
    }
    built(settings, HttpBuilder::new().with_url(base).with_retry(settings.retry()?).with_client_options(options).build())
}

fn authorization(settings: &Settings<'_>, token: &str) -> Result<HeaderMap, Error> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| settings.credential_error("the token has letters that no header may have".into(), "a bearer token"))?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(http::header::AUTHORIZATION, value)]))
}
