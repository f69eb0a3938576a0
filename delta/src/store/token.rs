//! Credentials that are read anew before they expire: bearer tokens from a file or a command, temporary S3 keys from a command.

use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Local, NaiveDateTime, TimeDelta, TimeZone, Utc};
use object_store::aws::AwsCredential;
use object_store::azure::AzureCredential;
use object_store::gcp::GcpCredential;
use object_store::{CredentialProvider, Error, Result};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::secret::SecretSource;

/// A token is replaced this long before it expires: a request may be retried for three minutes with the token that it began with.
const MARGIN: TimeDelta = TimeDelta::minutes(5);
/// How long a token of unknown life is kept.
const UNKNOWN_LIFE: TimeDelta = TimeDelta::seconds(60);
/// After a failed renewal the present token is used for this long before the next try, while it is good.
const RETRY_RENEWAL: TimeDelta = TimeDelta::seconds(10);

/// A credential that a text becomes.
pub(super) trait FromText: Sized + Send + Sync + 'static {
    /// The credential, and when it expires if the text says so.
    fn from_text(text: &str) -> Result<(Self, Option<DateTime<Utc>>), String>;
}

impl FromText for AzureCredential {
    fn from_text(text: &str) -> Result<(Self, Option<DateTime<Utc>>), String> {
        bearer(text).map(|(token, expires)| (AzureCredential::BearerToken(token), expires))
    }
}

impl FromText for GcpCredential {
    fn from_text(text: &str) -> Result<(Self, Option<DateTime<Utc>>), String> {
        bearer(text).map(|(bearer, expires)| (GcpCredential { bearer }, expires))
    }
}

impl FromText for AwsCredential {
    fn from_text(text: &str) -> Result<(Self, Option<DateTime<Utc>>), String> {
        let json: Value = serde_json::from_str(text).map_err(|_| "what was printed is not JSON")?;
        let field = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
        let credential = AwsCredential {
            key_id: field("AccessKeyId").ok_or("AccessKeyId is missing")?,
            secret_key: field("SecretAccessKey").ok_or("SecretAccessKey is missing")?,
            token: field("SessionToken"),
        };
        Ok((credential, field("Expiration").and_then(|text| DateTime::parse_from_rfc3339(&text).ok()).map(|time| time.to_utc())))
    }
}

/// A token alone, or the JSON of `az account get-access-token`, `gcloud` or an OAuth endpoint.
pub(super) fn bearer(text: &str) -> Result<(String, Option<DateTime<Utc>>), String> {
    if !text.starts_with('{') {
        let token = text.strip_prefix("Bearer ").unwrap_or(text).trim();
        if token.contains(char::is_whitespace) || !token.is_ascii() {
            return Err("what was found is not a token: it has blanks, or letters that no token has".into());
        }
        return Ok((token.to_owned(), expiry_of_jwt(token)));
    }
    let json: Value = serde_json::from_str(text).map_err(|_| "what was found begins as JSON and is none")?;
    let token = ["accessToken", "access_token", "token"].iter().find_map(|name| json.get(*name)?.as_str());
    let token = token.ok_or("the JSON has neither accessToken nor access_token")?.to_owned();
    let seconds = |name: &str| json.get(name).and_then(|value| value.as_i64().or_else(|| value.as_str()?.parse().ok()));
    let expires = seconds("expires_on")
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .or_else(|| seconds("expires_in").and_then(|seconds| Utc::now().checked_add_signed(TimeDelta::try_seconds(seconds)?)))
        .or_else(|| local_time(json.get("expiresOn")?.as_str()?))
        .or_else(|| expiry_of_jwt(&token));
    Ok((token, expires))
}

/// `az` prints local time without a zone.
fn local_time(text: &str) -> Option<DateTime<Utc>> {
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
    Local.from_local_datetime(&time).earliest().map(|time| time.to_utc())
}

/// The claim `exp` of a JSON web token.
fn expiry_of_jwt(token: &str) -> Option<DateTime<Utc>> {
    let payload = token.split('.').nth(1)?;
    let json: Value = serde_json::from_slice(&decode_base64url(payload)?).ok()?;
    DateTime::from_timestamp(json.get("exp")?.as_i64()?, 0)
}

fn decode_base64url(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0u32, 0u32);
    for byte in text.trim_end_matches('=').bytes() {
        bits = bits << 6 | u32::try_from(ALPHABET.iter().position(|letter| *letter == byte)?).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(bytes)
}

struct Kept<T> {
    credential: Arc<T>,
    renew_at: DateTime<Utc>,
    expires: Option<DateTime<Utc>>,
}

/// Reads a credential from its place, keeps it while it is good, and reads it anew before it expires. A failed renewal is no error while the
/// present one is good.
pub(super) struct Renewed<T> {
    source: SecretSource,
    kept: Mutex<Option<Kept<T>>>,
    kind: PhantomData<T>,
}

impl<T> std::fmt::Debug for Renewed<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "credential from {}", self.source)
    }
}

impl<T: FromText> Renewed<T> {
    pub fn new(source: SecretSource) -> Renewed<T> {
        Renewed { source, kept: Mutex::new(None), kind: PhantomData }
    }

    async fn read(&self) -> Result<Kept<T>, String> {
        let source = self.source.clone();
        let secret = tokio::task::spawn_blocking(move || source.read()).await.map_err(|error| error.to_string())??;
        let (credential, expires) = T::from_text(secret.expose()).map_err(|message| format!("{}: {message}", self.source))?;
        let now = Utc::now();
        if expires.is_some_and(|expires| expires <= now) {
            return Err(format!("{}: the token has expired", self.source));
        }
        // A token that lives shorter than the margin is used for half of its life.
        let renew_at = expires.map_or(now + UNKNOWN_LIFE, |expires| (expires - MARGIN).max(now + (expires - now) / 2));
        Ok(Kept { credential: Arc::new(credential), renew_at, expires })
    }
}

#[async_trait]
impl<T: FromText> CredentialProvider for Renewed<T> {
    type Credential = T;

    async fn get_credential(&self) -> Result<Arc<T>> {
        let mut kept = self.kept.lock().await;
        let now = Utc::now();
        if let Some(present) = kept.as_ref().filter(|present| now < present.renew_at) {
            return Ok(Arc::clone(&present.credential));
        }
        match self.read().await {
            Ok(new) => Ok(Arc::clone(&kept.insert(new).credential)),
            Err(message) => match kept.as_mut().filter(|present| present.expires.is_some_and(|expires| now < expires)) {
                Some(present) => {
                    present.renew_at = now + RETRY_RENEWAL;
                    Ok(Arc::clone(&present.credential))
                }
                None => Err(Error::Unauthenticated { path: String::new(), source: message.into() }),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(expires: i64) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text = String::new();
        for chunk in format!("{{\"exp\":{expires}}}").as_bytes().chunks(3) {
            let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
            (0..=chunk.len()).for_each(|index| text.push(char::from(ALPHABET[(word >> (18 - 6 * index)) as usize & 63])));
        }
        format!("e30.{text}.sig")
    }

    #[test]
    fn the_expiry_of_a_token_is_known_in_each_form() {
        assert_eq!(bearer(&jwt(2_000_000_000)).unwrap().1.unwrap().timestamp(), 2_000_000_000);
        assert_eq!(bearer(r#"{"accessToken":"a","expires_on":2000000000}"#).unwrap().1.unwrap().timestamp(), 2_000_000_000);
        assert_eq!(bearer(r#"{"access_token":"a","expires_on":"2000000000"}"#).unwrap().1.unwrap().timestamp(), 2_000_000_000);
        let in_an_hour = bearer(r#"{"access_token":"a","expires_in":3600}"#).unwrap().1.unwrap() - Utc::now();
        assert!((3590..=3600).contains(&in_an_hour.num_seconds()));
        assert!(bearer(r#"{"accessToken":"a","expiresOn":"2033-05-18 03:33:20.000000"}"#).unwrap().1.is_some());
        assert_eq!(bearer("Bearer opaque").unwrap(), ("opaque".into(), None));
    }

    #[test]
    fn what_is_no_token_is_refused_and_not_repeated() {
        for text in ["two words", "{\"token\":1}", "{broken hunter2", "pässword"] {
            let message = bearer(text).unwrap_err();
            assert!(!message.contains("hunter2") && !message.contains("words"), "{message}");
        }
        assert!(AwsCredential::from_text(r#"{"AccessKeyId":"a"}"#).unwrap_err().contains("SecretAccessKey"));
    }

    #[test]
    fn a_token_is_renewed_before_it_expires_and_kept_while_renewal_fails() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let write = |token: &str| {
            let expires = (Utc::now() + TimeDelta::hours(1)).timestamp();
            std::fs::write(&file, format!(r#"{{"accessToken":"{token}","expires_on":{expires}}}"#)).unwrap();
        };
        let provider = Renewed::<AzureCredential>::new(SecretSource::File(file.clone()));
        let token = || {
            crate::runtime::block_on(provider.get_credential()).unwrap().map(|credential| match credential.as_ref() {
                AzureCredential::BearerToken(token) => token.clone(),
                _ => panic!("not a bearer token"),
            })
        };
        let make_due = || crate::runtime::block_on(provider.kept.lock()).unwrap().as_mut().unwrap().renew_at = Utc::now();
        write("first");
        assert_eq!(token().unwrap(), "first");
        write("second");
        assert_eq!(token().unwrap(), "first", "kept while it is good");
        make_due();
        assert_eq!(token().unwrap(), "second", "renewed before it expires");
        std::fs::remove_file(&file).unwrap();
        make_due();
        assert_eq!(token().unwrap(), "second", "renewal fails, the present one is good");
        make_due();
        crate::runtime::block_on(provider.kept.lock()).unwrap().as_mut().unwrap().expires = Some(Utc::now());
        assert!(token().unwrap_err().to_string().contains("token"), "expired, and no new one");
    }
}
