//! Stores of every kind: what is put is there, listed in order, and not overwritten when asked for as new.

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};
use olbridge_delta::{Credential, Location, Secret, SecretSource, StoreFault, StoreOptions, runtime, store};

use crate::{mock, peers};

pub fn options(pairs: &[(&str, &str)]) -> StoreOptions {
    let options = pairs.iter().map(|(key, value)| ((*key).to_owned(), Secret::new(*value))).collect();
    StoreOptions { options, ..StoreOptions::default() }
}

pub fn no_connections() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), r#"{"connections": {}}"#).unwrap();
    file
}

fn opened(location: &str, mut options: StoreOptions) -> store::Opened {
    let file = no_connections();
    options.connections_file = Some(file.path().to_owned());
    store::open(&location.parse().unwrap(), &options).unwrap_or_else(|error| panic!("{location}: {error}"))
}

fn names(store: &dyn ObjectStore, prefix: &Path, offset: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        runtime::block_on(async { store.list_with_offset(Some(prefix), offset).try_collect::<Vec<_>>().await.unwrap() })
            .unwrap()
            .into_iter()
            .map(|meta| meta.location.filename().unwrap().to_owned())
            .collect();
    names.sort();
    names
}

fn round_trip(location: &str, options: StoreOptions) {
    let opened = opened(location, options);
    let (store, root) = (&opened.store, &opened.path);
    runtime::block_on(async {
        for name in ["a", "b c", "é%2F"] {
            store.put(&root.clone().join(name), name.to_owned().into()).await.unwrap();
        }
        let bytes = store.get(&root.clone().join("b c")).await.unwrap().bytes().await.unwrap();
        assert_eq!(bytes, "b c");
        let again = store.put_opts(&root.clone().join("a"), "other".into(), PutMode::Create.into()).await.unwrap_err();
        let error = store::store_error("write", &opened.location, &again);
        assert!(matches!(error, olbridge_delta::Error::Store { fault: StoreFault::AlreadyExists, .. }), "{location}: {error}");
        let missing = store.get(&root.clone().join("nothing")).await.unwrap_err();
        assert!(store::store_error("read", &opened.location, &missing).is_not_found());
    })
    .unwrap();
    assert_eq!(names(store.as_ref(), root, root), ["%C3%A9%252F", "a", "b c"], "{location}: object_store encodes a name made by it");
    assert_eq!(names(store.as_ref(), root, &root.clone().join("a")), ["b c"], "{location}");
}

#[test]
fn a_local_folder() {
    let folder = tempfile::tempdir().unwrap();
    round_trip(folder.path().to_str().unwrap(), StoreOptions::default());
}

#[test]
fn azure_by_account_and_onelake_in_every_form() {
    let Some(server) = peers::azurite() else { return };
    let at = |account: &str| {
        let endpoint = format!("http://127.0.0.1:{}/{account}", server.port);
        options(&[("endpoint", &endpoint), ("allow_http", "true"), ("account_key", peers::AZURITE_KEY)])
    };
    round_trip("abfss://sales-ws@olbridge.dfs.core.windows.net/store/by account", at("olbridge"));
    round_trip("onelake://sales-ws/lake/Files/short", at("onelake"));
    round_trip("abfss://sales-ws@onelake.dfs.fabric.microsoft.com/My Lake.Lakehouse/Files/Größe", at("onelake"));
    round_trip("https://onelake.dfs.fabric.microsoft.com/sales-ws/lake.Lakehouse/Files/web", at("onelake"));
}

#[test]
fn s3() {
    let Some(server) = peers::moto() else { return };
    let endpoint = format!("http://127.0.0.1:{}", server.port);
    let mut options = options(&[("endpoint", &endpoint), ("allow_http", "true"), ("region", "us-east-1")]);
    let echo = |text: &str| SecretSource::Command(vec!["echo".into(), text.into()]);
    options.credential =
        Some(Credential::AccessKey { access_key_id: "testing".into(), secret_access_key: echo("testing"), session_token: None });
    round_trip("s3://olbridge/store/by key", options.clone());
    let key = r#"{"AccessKeyId": "testing", "SecretAccessKey": "testing", "SessionToken": "t", "Expiration": "2099-01-01T00:00:00Z"}"#;
    options.credential = Some(Credential::Process { command: vec!["echo".into(), key.into()] });
    round_trip("s3://olbridge/store/by process", options);
}

const LISTING: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults><Prefix>x</Prefix><Blobs>BLOBS</Blobs><NextMarker /></EnumerationResults>";
const BLOB: &str = "<Blob><Name>l.Lakehouse/Tables/t/_delta_log/NAME</Name><Properties><Last-Modified>Thu, 02 Jul 2026 15:00:00 GMT</Last-Modified>\
                    <Etag>1</Etag><Content-Length>1</Content-Length><Content-Type>x</Content-Type></Properties></Blob>";

/// A server that answers a listing with `startFrom` by nothing, as OneLake has done.
fn forgetful_onelake() -> mock::Mock {
    mock::serve(|request| {
        let all: String =
            ["00000000000000000000.json", "00000000000000000001.json"].iter().map(|name| BLOB.replace("NAME", name)).collect();
        (200, LISTING.replace("BLOBS", if request.line.contains("startFrom") { "" } else { &all }))
    })
}

#[test]
fn a_listing_of_onelake_never_asks_for_a_start() {
    let server = forgetful_onelake();
    let endpoint = format!("http://127.0.0.1:{}", server.port);
    let given = options(&[("endpoint", &endpoint), ("allow_http", "true"), ("bearer_token", "t")]);
    let opened = opened("onelake://w/l/t", given);
    let log = opened.path.clone().join("_delta_log");
    let after = log.clone().join("00000000000000000000.json");
    assert_eq!(names(opened.store.as_ref(), &log, &after), ["00000000000000000001.json"]);

    // The same with object_store's own: this is what the wrapper is for.
    let plain = object_store::azure::MicrosoftAzureBuilder::new()
        .with_account("onelake")
        .with_container_name("w")
        .with_endpoint(endpoint)
        .with_allow_http(true)
        .with_bearer_token_authorization("t")
        .build()
        .unwrap();
    assert!(names(&plain, &log, &after).is_empty(), "object_store no longer sends startFrom: the wrapper can go");
}

#[test]
fn a_bearer_token_is_sent_and_a_renewed_one_takes_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let write = |token: &str, seconds: i64| {
        let expires = (chrono::Utc::now() + chrono::TimeDelta::seconds(seconds)).timestamp();
        std::fs::write(&file, format!(r#"{{"accessToken": "{token}", "expires_on": {expires}}}"#)).unwrap();
    };
    let server = mock::serve(|_| (200, "data".into()));
    let endpoint = format!("http://127.0.0.1:{}", server.port);
    let mut given = options(&[("endpoint", &endpoint), ("allow_http", "true"), ("max_retries", "0")]);
    given.credential = Some(Credential::BearerToken { token: SecretSource::File(file.clone()) });
    write("first", 4);
    let opened = opened("onelake://sales/lake/orders", given);
    let get = || drop(runtime::block_on(async { opened.store.get(&opened.path).await }).unwrap());
    get();
    write("second", 3600);
    std::thread::sleep(std::time::Duration::from_millis(2500));
    get();
    let seen: Vec<_> = server.requests.lock().unwrap().iter().map(|request| request.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(seen, ["Bearer first", "Bearer second"]);
    let line = server.requests.lock().unwrap()[0].line.clone();
    assert!(line.starts_with("GET /sales/lake.Lakehouse/Tables/orders "), "{line}");
}

#[test]
fn a_refusal_is_told_with_what_to_do_and_without_the_secret() {
    let server = mock::serve(|_| (403, "<Error><Code>Forbidden</Code></Error>".into()));
    let endpoint = format!("http://127.0.0.1:{}", server.port);
    let given = options(&[("endpoint", &endpoint), ("allow_http", "true"), ("bearer_token", "hunter2"), ("max_retries", "0")]);
    let opened = opened("onelake://sales/lake/orders", given);
    let error = runtime::block_on(async { opened.store.get(&opened.path).await }).unwrap().map(drop).unwrap_err();
    let error = store::store_error("read", &opened.location, &error);
    assert!(matches!(error, olbridge_delta::Error::Store { fault: StoreFault::Denied, .. }), "{error}");
    assert!(error.to_string().contains("role Contributor") && !error.to_string().contains("hunter2"), "{error}");
    assert!(!format!("{opened:?}").contains("hunter2"));
}

#[test]
fn an_http_server_is_read_and_not_written() {
    let server = mock::serve(|_| (200, "data".into()));
    let opened = opened(&format!("http://127.0.0.1:{}/a/b.parquet", server.port), StoreOptions::default());
    let bytes = runtime::block_on(async { opened.store.get(&opened.path).await.unwrap().bytes().await.unwrap() }).unwrap();
    assert_eq!(bytes, "data");
    let write = runtime::block_on(async { opened.store.put(&opened.path, "new".into()).await }).unwrap();
    assert!(matches!(write, Err(object_store::Error::NotSupported { .. })), "{write:?}");
    let delete = runtime::block_on(async { opened.store.delete(&opened.path).await }).unwrap();
    assert!(delete.is_err());
    let methods =
        server.requests.lock().unwrap().iter().map(|request| request.line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(methods, ["GET"], "nothing else was sent");
}

#[test]
fn a_credential_of_another_service_and_an_unknown_option_are_refused() {
    let file = no_connections();
    let refused = |location: &str, credential: Option<Credential>, pairs: &[(&str, &str)]| {
        let location: Location = location.parse().unwrap();
        let options = StoreOptions { credential, connections_file: Some(file.path().to_owned()), ..options(pairs) };
        store::open(&location, &options).unwrap_err().to_string()
    };
    assert!(refused("s3://b/k", Some(Credential::AzureCli), &[]).contains("azure-cli is not a credential for S3"));
    let key = || SecretSource::Env("PATH".into());
    assert!(refused("onelake://w/l/t", Some(Credential::AccountKey { key: key() }), &[]).contains("not a credential for OneLake"));
    let token = Credential::BearerToken { token: key() };
    assert!(refused("http://example.com/a", Some(token), &[]).contains("not sent without TLS"));
    assert!(refused("s3://b/k", None, &[("regoin", "x")]).contains("regoin"));
    assert!(refused("s3://b/k", None, &[("retry_timeout", "soon")]).contains("not a duration"));
}
