//! Options and environment variables → the settings of one store, by object_store's own names.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use object_store::RetryConfig;

use crate::credential::Credential;
use crate::error::{Error, Result};
use crate::location::Location;
use crate::secret::{Secret, SecretSource};

/// Everything that is known about how to open a location.
pub(super) struct Settings<'a> {
    pub location: &'a Location,
    pub credential: Credential,
    /// Lower-case names.
    pub options: BTreeMap<String, Secret>,
}

/// Options that are ours: object_store takes them as a struct, not by name.
const RETRY_OPTIONS: [&str; 4] = ["max_retries", "retry_timeout", "init_backoff", "max_backoff"];

impl Settings<'_> {
    /// The pairs for a builder whose keys are `K`: variables that begin with `prefix`, then the options. Where a credential or an option that
    /// belongs to one is given, those of the environment are left out: two ways to prove who asks must not be mixed.
    pub fn pairs<K: FromStr>(&self, prefix: &str, is_credential: fn(&K) -> bool) -> Result<Vec<(K, String)>> {
        let mut given = Vec::new();
        for (key, value) in &self.options {
            if RETRY_OPTIONS.contains(&key.as_str()) {
                continue;
            }
            let known = key.parse::<K>().map_err(|_| {
                let service = self.location.service().name();
                self.option_error(
                    key,
                    format!("unknown for {service}"),
                    "a configuration key of object_store for that service, or max_retries",
                )
            })?;
            given.push((known, value.expose().to_owned()));
        }
        let with_credential = self.credential == Credential::Environment && !given.iter().any(|(key, _)| is_credential(key));
        let mut pairs: Vec<(K, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with(prefix))
            .filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse::<K>().ok()?, value)))
            .filter(|(key, _)| with_credential || !is_credential(key))
            .collect();
        pairs.extend(given);
        Ok(pairs)
    }

    /// Refuses options that no service has.
    pub fn refuse_unknown(&self, is_known: fn(&str) -> bool) -> Result<()> {
        match self.options.keys().find(|key| !RETRY_OPTIONS.contains(&key.as_str()) && !is_known(key)) {
            Some(key) => Err(self.option_error(key, "no service has it".into(), "leaving it out: a local path has no options")),
            None => Ok(()),
        }
    }

    /// Retries as asked for; object_store's own default is 10 within 3 minutes.
    pub fn retry(&self) -> Result<RetryConfig> {
        let mut retry = RetryConfig::default();
        if let Some(text) = self.options.get("max_retries") {
            let number = text.expose().parse();
            retry.max_retries = number.map_err(|_| self.option_error("max_retries", "not a number".into(), "max_retries=10"))?;
        }
        for (key, place) in [
            ("retry_timeout", &mut retry.retry_timeout),
            ("init_backoff", &mut retry.backoff.init_backoff),
            ("max_backoff", &mut retry.backoff.max_backoff),
        ] {
            if let Some(text) = self.options.get(key) {
                *place = duration(text.expose()).ok_or_else(|| self.option_error(key, "not a duration".into(), "500ms, 30s or 3m"))?;
            }
        }
        Ok(retry)
    }

    /// Reads a secret of a fixed credential.
    pub fn secret(&self, source: &SecretSource) -> Result<String> {
        source
            .read()
            .map(|secret| secret.expose().to_owned())
            .map_err(|message| self.credential_error(message, "a place that holds the secret"))
    }

    /// The credential does not belong to this service.
    pub fn not_for_this_service(&self, possible: &str) -> Error {
        let message = format!("{} is not a credential for {}", self.credential.kind(), self.location.service().name());
        self.credential_error(message, possible)
    }

    pub fn credential_error(&self, message: String, remedy: &str) -> Error {
        Error::Credential { location: self.location.to_string(), message, remedy: remedy.to_owned() }
    }

    fn option_error(&self, key: &str, message: String, remedy: &str) -> Error {
        Error::Option { location: self.location.to_string(), key: key.to_owned(), message, remedy: remedy.to_owned() }
    }
}

/// `500ms`, `30s`, `3m`, or seconds.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.trim().parse().ok()?;
    match &text[digits.len()..] {
        "ms" => Some(Duration::from_millis(number)),
        "" | "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("30s"), Some(Duration::from_secs(30)));
        assert_eq!(duration("3m"), Some(Duration::from_secs(180)));
        assert_eq!(duration("7"), Some(Duration::from_secs(7)));
        assert_eq!(duration("1 fortnight"), None);
    }
}
