use super::*;

const WORKSPACE: &str = "11111111-2222-3333-4444-555555555555";
const ITEM: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

fn parsed(text: &str) -> Location {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> String {
    text.parse::<Location>().expect_err(text).to_string()
}

/// What is typed → canonical URL.
#[test]
fn every_form_has_one_canonical_url() {
    let host = "onelake.dfs.fabric.microsoft.com";
    for (typed, canonical) in [
        ("/data/orders", "file:///data/orders".to_owned()),
        ("/data/a b/100%/é", "file:///data/a%20b/100%25/%C3%A9".to_owned()),
        ("file:///data/a%20b/", "file:///data/a%20b".to_owned()),
        ("s3://bucket/a/b", "s3://bucket/a/b".to_owned()),
        ("s3a://bucket/a/b/", "s3://bucket/a/b".to_owned()),
        ("https://bucket.s3.eu-west-1.amazonaws.com/a/b", "s3://bucket/a/b".to_owned()),
        ("https://s3.eu-west-1.amazonaws.com/bucket/a", "s3://bucket/a".to_owned()),
        ("gs://bucket/a", "gs://bucket/a".to_owned()),
        ("https://storage.googleapis.com/bucket/a", "gs://bucket/a".to_owned()),
        ("az://container/a", "az://container/a".to_owned()),
        ("abfs://c@acc.dfs.core.windows.net/a", "abfss://c@acc.dfs.core.windows.net/a".to_owned()),
        ("https://acc.blob.core.windows.net/c/a", "abfss://c@acc.dfs.core.windows.net/a".to_owned()),
        ("https://acc.blob.core.chinacloudapi.cn/c/a", "abfss://c@acc.dfs.core.chinacloudapi.cn/a".to_owned()),
        ("onelake://sales/lake/orders", format!("abfss://sales@{host}/lake.Lakehouse/Tables/orders")),
        ("onelake://sales/lake/dbo/orders", format!("abfss://sales@{host}/lake.Lakehouse/Tables/dbo/orders")),
        ("onelake://sales/lake.Warehouse/dbo/orders", format!("abfss://sales@{host}/lake.Warehouse/Tables/dbo/orders")),
        ("onelake://sales/lake/Files/a/b/c.csv", format!("abfss://sales@{host}/lake.Lakehouse/Files/a/b/c.csv")),
        ("onelake://sales/lake/Tables/dbo/orders", format!("abfss://sales@{host}/lake.Lakehouse/Tables/dbo/orders")),
        ("onelake://sales/My Lake/dbo/Größe", format!("abfss://sales@{host}/My%20Lake.Lakehouse/Tables/dbo/Gr%C3%B6%C3%9Fe")),
        (&format!("onelake://{WORKSPACE}/{ITEM}/orders"), format!("abfss://{WORKSPACE}@{host}/{ITEM}/Tables/orders")),
        (&format!("https://{host}/sales/lake.Lakehouse/Tables/t"), format!("abfss://sales@{host}/lake.Lakehouse/Tables/t")),
        (&format!("https://{host}/{WORKSPACE}/{ITEM}/Tables/t"), format!("abfss://{WORKSPACE}@{host}/{ITEM}/Tables/t")),
        (&format!("abfss://Sales@{host}/lake.Lakehouse/Tables/t"), format!("abfss://Sales@{host}/lake.Lakehouse/Tables/t")),
        (
            "https://westus-onelake.dfs.fabric.microsoft.com/w/l.Lakehouse",
            "abfss://w@westus-onelake.dfs.fabric.microsoft.com/l.Lakehouse".to_owned(),
        ),
        ("https://example.com:8443/a/b.parquet", "https://example.com:8443/a/b.parquet".to_owned()),
    ] {
        let location = parsed(typed);
        assert_eq!(location.url().as_str(), canonical, "{typed}");
        assert_eq!(parsed(location.url().as_str()).url(), location.url(), "{typed}: the canonical URL means the same");
    }
}

#[test]
fn a_key_is_decoded_and_a_local_path_is_not() {
    assert_eq!(parsed("s3://b/x=a%252Fb/p%20q").key(), "x=a%2Fb/p q");
    assert_eq!(parsed("/d/x=a%2Fb").local_path().unwrap(), Path::new("/d/x=a%2Fb"));
    assert_eq!(parsed("file://localhost/data/t").local_path().unwrap(), Path::new("/data/t"));
    for other in ["file://lakehost/t1", "file://localhosts/t1", "file://t1"] {
        assert!(other.parse::<Location>().is_err(), "{other}");
    }
    assert_eq!(parsed("file:///d/x=a%252Fb").local_path().unwrap(), Path::new("/d/x=a%2Fb"));
    assert_eq!(parsed("s3://b/a/*.parquet").key(), "a/*.parquet");
    assert_eq!(parsed("gs://b").key(), "");
}

#[test]
fn a_relative_path_is_made_absolute_and_dots_are_resolved_by_the_file_system() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("real/inner");
    std::fs::create_dir_all(&real).unwrap();
    std::os::unix::fs::symlink(&real, folder.path().join("link")).unwrap();
    let typed = folder.path().join("link/../table");
    let expected = std::fs::canonicalize(folder.path()).unwrap().join("real/table");
    assert_eq!(parsed(typed.to_str().unwrap()).local_path().unwrap(), expected);
    assert!(parsed("orders").local_path().unwrap().is_absolute());
}

#[test]
fn what_names_no_place_is_refused_with_the_right_form() {
    assert!(refused("").contains("no path"));
    assert!(refused("ftp://host/a").contains("unknown scheme"));
    assert!(refused("s3:///a").contains("bucket"));
    assert!(refused("s3://b/a//c").contains("empty part"));
    assert!(refused("s3://b/a/../c").contains("'..'"));
    assert!(refused("abfss://acc.dfs.core.windows.net/a").contains("container is missing"));
    assert!(refused("abfss://c@example.com/a").contains("not one of Azure's"));
    assert!(refused("onelake://a.b/lake/t").contains("GUID"));
    assert!(refused("onelake://my sales/lake/t").contains("GUID"));
    assert!(refused(&format!("onelake://{WORKSPACE}/lake/t")).contains("both"));
    assert!(refused(&format!("onelake://sales/{ITEM}/t")).contains("both"));
    assert!(refused("onelake://w/lake/a/b/c").contains("more than a schema"));
    assert!(refused("abfss://w@onelake.dfs.fabric.microsoft.com/lake/Tables/t").contains("lake.Lakehouse"));
}

#[test]
fn a_secret_in_an_address_is_refused_and_not_repeated() {
    for typed in ["https://acc.blob.core.windows.net/c/a?sv=1&sig=hunter2", "https://user:hunter2@example.com/a", "ftp://user:hunter2@h/a"]
    {
        let message = refused(typed);
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn a_location_contains_what_lies_below_it() {
    let folder = parsed("s3://b/a");
    assert!(folder.contains(&parsed("s3://b/a/c")) && folder.contains(&folder));
    assert!(!folder.contains(&parsed("s3://b/ab")) && !folder.contains(&parsed("gs://b/a/c")));
    assert!(parsed("onelake://sales").contains(&parsed("onelake://sales/lake/orders")));
    assert_eq!(folder.join("x=1/f.parquet").unwrap().to_string(), "s3://b/a/x=1/f.parquet");
    assert!(folder.join("../x").is_err());
    assert_eq!(folder.join("c").unwrap().name(), "c");
}

proptest::proptest! {
    /// Whatever a key holds, its URL parses back to the same key.
    #[test]
    fn a_key_survives_its_url(key in "[^\0/]{1,12}(/[^\0/]{1,12}){0,2}") {
        if let Ok(location) = parsed("s3://b").join(&key) {
            let again: Location = location.url().as_str().parse().unwrap();
            proptest::prop_assert_eq!(again.key(), location.key());
        }
    }
}
