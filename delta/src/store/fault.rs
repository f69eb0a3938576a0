//! object_store's errors → ours.

use object_store::Error as Raw;

use crate::error::{Error, StoreFault};
use crate::location::{Location, Service};

/// What `action` on `location` failed with.
pub fn store_error(action: &'static str, location: &Location, error: &Raw) -> Error {
    let fault = fault_of(error);
    Error::Store { action, location: location.to_string(), fault, message: message_of(error), remedy: remedy(fault, location).into() }
}

pub(crate) fn fault_of(error: &Raw) -> StoreFault {
    match error {
        Raw::NotFound { .. } => StoreFault::NotFound,
        Raw::AlreadyExists { .. } => StoreFault::AlreadyExists,
        Raw::Precondition { .. } | Raw::NotModified { .. } => StoreFault::Changed,
        Raw::NotSupported { .. } | Raw::NotImplemented { .. } => StoreFault::Unsupported,
        Raw::PermissionDenied { .. } => StoreFault::Denied,
        Raw::Unauthenticated { .. } => StoreFault::Unauthenticated,
        _ => StoreFault::OutcomeUnknown,
    }
}

fn remedy(fault: StoreFault, location: &Location) -> &'static str {
    match (fault, location.service()) {
        (StoreFault::NotFound, _) => "a look at the name; upper and lower case count",
        (StoreFault::AlreadyExists, _) => "another name",
        (StoreFault::Denied, Service::OneLake { .. }) => {
            "the role Contributor in the workspace, and a token for https://storage.azure.com/"
        }
        (StoreFault::Denied, _) => "the right to do this for whoever asks",
        (StoreFault::Unauthenticated, Service::Azure { .. } | Service::OneLake { .. }) => {
            "a credential: azure-cli after 'az login', client-secret, managed-identity, bearer-token"
        }
        (StoreFault::Unauthenticated, Service::S3 { .. }) => {
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the credential process with 'aws configure export-credentials --profile NAME'"
        }
        (StoreFault::Unauthenticated, _) => "a credential for this store",
        (StoreFault::Changed, _) => "the same again",
        (StoreFault::Unsupported, _) => "another kind of store for this",
        // Without a credential in sight the metadata service of a cloud machine is asked, and elsewhere nobody answers.
        (StoreFault::OutcomeUnknown, _) => "the same again; with no answer at all, a look at address, network and credential",
    }
}

/// The chain of causes, without repeats, and without the queries of addresses: a signature may be in one.
fn message_of(error: &Raw) -> String {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        cause = inner.source();
    }
    without_queries(&message)
}

pub(crate) fn without_queries(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let end =
            rest[at..].find(|c: char| c.is_whitespace() || matches!(c, ')' | '"' | '\'' | '>')).map_or(rest.len(), |length| at + length);
        let address = &rest[..end];
        match address[at..].find('?') {
            Some(query) => {
                shown.push_str(&address[..at + query]);
                shown.push_str("?…");
            }
            None => shown.push_str(address),
        }
        rest = &rest[end..];
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_does_not_get_into_a_message() {
        let text = "error sending request for url (https://a.example/c/k?sv=1&sig=hunter2): timed out; see https://b.example/d?x=1";
        let shown = without_queries(text);
        assert_eq!(shown, "error sending request for url (https://a.example/c/k?…): timed out; see https://b.example/d?…");
    }
}
