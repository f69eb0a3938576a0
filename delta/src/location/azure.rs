//! Azure addresses: `abfss://CONTAINER@HOST/KEY`, `az://CONTAINER/KEY`, `https://HOST/CONTAINER/KEY`; those of OneLake go on to `onelake`.

use super::{Location, Service, decode, onelake, wrong};
use crate::error::Result;

const PUBLIC_CLOUD: &str = "core.windows.net";
const CLOUDS: [&str; 3] = [PUBLIC_CLOUD, "core.usgovcloudapi.net", "core.chinacloudapi.cn"];
const FABRIC: &str = "fabric.microsoft.com";

/// `ACCOUNT.dfs.SUFFIX` or `ACCOUNT.blob.SUFFIX` → account and suffix.
fn split_host(host: &str) -> Option<(&str, &str)> {
    let (account, rest) = host.split_once('.')?;
    let suffix = rest.strip_prefix("dfs.").or_else(|| rest.strip_prefix("blob."))?;
    (suffix == FABRIC || CLOUDS.contains(&suffix)).then_some((account, suffix))
}

pub(super) fn is_azure_host(host: &str) -> bool {
    split_host(host).is_some()
}

/// The cloud of a blob endpoint that we have made.
pub(super) fn suffix_of(endpoint: Option<&str>) -> &str {
    CLOUDS.into_iter().find(|cloud| endpoint.is_some_and(|endpoint| endpoint.ends_with(cloud))).unwrap_or(PUBLIC_CLOUD)
}

/// `CONTAINER[@HOST][/KEY]`.
pub(super) fn parse(typed: &str, rest: &str) -> Result<Location> {
    let (authority, key) = rest.split_once('/').unwrap_or((rest, ""));
    match authority.split_once('@') {
        Some((container, host)) => at_host(typed, container, &host.to_ascii_lowercase(), key),
        None if is_azure_host(authority) => {
            Err(wrong(typed, "the container is missing", "abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/KEY"))
        }
        None => azure(typed, authority, None, None, key),
    }
}

/// `CONTAINER/KEY` after an Azure host.
pub(super) fn parse_web(typed: &str, host: &str, path: &str) -> Result<Location> {
    let (container, key) = path.split_once('/').unwrap_or((path, ""));
    at_host(typed, container, host, key)
}

fn at_host(typed: &str, container: &str, host: &str, key: &str) -> Result<Location> {
    match split_host(host) {
        Some((account, FABRIC)) => onelake::at(typed, &decode(typed, container)?, account, &decode(typed, key)?),
        Some((account, PUBLIC_CLOUD)) => azure(typed, container, Some(account), None, key),
        Some((account, cloud)) => azure(typed, container, Some(account), Some(format!("https://{account}.blob.{cloud}")), key),
        None => Err(wrong(
            typed,
            "the host is not one of Azure's or OneLake's",
            "abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/KEY, or az://CONTAINER/KEY with the storage option endpoint",
        )),
    }
}

fn azure(typed: &str, container: &str, account: Option<&str>, endpoint: Option<String>, key: &str) -> Result<Location> {
    // '$web', '$root', '$logs' are containers too.
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '$');
    if container.is_empty() || !container.chars().all(plain) {
        return Err(wrong(typed, "a container's name is of letters, digits and '-'", "abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/KEY"));
    }
    let service = Service::Azure { container: container.to_owned(), account: account.map(str::to_owned), endpoint };
    Location::of(service, decode(typed, key)?, typed)
}
