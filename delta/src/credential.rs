//! Who asks: credentials as data. Nothing is read or sent here; `store` does that when a location is opened.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::secret::SecretSource;

/// A way to prove who asks. In a connections file `{"kind": "client-secret", "tenant_id": …}`; secrets by their place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Credential {
    /// The variables that the service's own tools read (`AZURE_*`, `AWS_*`, `GOOGLE_*`), and where they name none, the machine's own
    /// identity. What is used when nothing is said.
    Environment,
    /// Azure, OneLake: an application with a secret.
    ClientSecret {
        /// Directory (tenant) id.
        tenant_id: String,
        /// Application (client) id.
        client_id: String,
        /// Its secret.
        client_secret: SecretSource,
    },
    /// Azure, OneLake: the identity of the machine. For S3 and Google: the role of the machine.
    ManagedIdentity {
        /// Client id of a user-assigned identity.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
        /// Object id of a user-assigned identity.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        object_id: Option<String>,
        /// Resource id of a user-assigned identity.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resource_id: Option<String>,
    },
    /// Azure, OneLake: a federated token in a file, as Kubernetes writes it.
    WorkloadIdentity {
        /// Directory (tenant) id.
        tenant_id: String,
        /// Application (client) id.
        client_id: String,
        /// The file with the token, read anew for each exchange.
        token_file: PathBuf,
    },
    /// Azure, OneLake: whoever is logged in with `az login`.
    AzureCli,
    /// Azure, OneLake, Google, HTTP: a bearer token. Read anew before it expires (not for HTTP, where it is read once). Its source may print
    /// the token alone or JSON with `accessToken` or `access_token`, as `az account get-access-token` and `gcloud` do. The audience for
    /// OneLake and Azure is `https://storage.azure.com/`.
    BearerToken {
        /// Where it is.
        token: SecretSource,
    },
    /// Azure: the key of a storage account. OneLake does not accept one.
    AccountKey {
        /// The key.
        key: SecretSource,
    },
    /// Azure: a shared access signature. OneLake does not accept an ordinary one.
    Sas {
        /// The signature, as a query text.
        token: SecretSource,
    },
    /// S3: an access key.
    AccessKey {
        /// Its id, which is no secret.
        access_key_id: String,
        /// Its secret.
        secret_access_key: SecretSource,
        /// Token of a temporary key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session_token: Option<SecretSource>,
    },
    /// S3: a program that prints a temporary key as JSON (`AccessKeyId`, `SecretAccessKey`, `SessionToken`, `Expiration`), for example
    /// `aws configure export-credentials --profile NAME`. Run anew before the key expires.
    Process {
        /// Program and arguments.
        command: Vec<String>,
    },
    /// Google: a service account's key file.
    ServiceAccount {
        /// The JSON file.
        file: PathBuf,
    },
    /// No credential: public data.
    Anonymous,
}

impl Credential {
    /// The name in a connections file.
    pub fn kind(&self) -> &'static str {
        match self {
            Credential::Environment => "environment",
            Credential::ClientSecret { .. } => "client-secret",
            Credential::ManagedIdentity { .. } => "managed-identity",
            Credential::WorkloadIdentity { .. } => "workload-identity",
            Credential::AzureCli => "azure-cli",
            Credential::BearerToken { .. } => "bearer-token",
            Credential::AccountKey { .. } => "account-key",
            Credential::Sas { .. } => "sas",
            Credential::AccessKey { .. } => "access-key",
            Credential::Process { .. } => "process",
            Credential::ServiceAccount { .. } => "service-account",
            Credential::Anonymous => "anonymous",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_written_as_data_and_read_back() {
        let text = r#"{"kind":"client-secret","tenant_id":"t","client_id":"c","client_secret":{"env":"SECRET"}}"#;
        let credential: Credential = serde_json::from_str(text).unwrap();
        assert_eq!(credential.kind(), "client-secret");
        assert_eq!(serde_json::to_string(&credential).unwrap(), text);
        assert_eq!(serde_json::from_str::<Credential>(r#"{"kind":"azure-cli"}"#).unwrap(), Credential::AzureCli);
    }

    #[test]
    fn a_secret_itself_has_no_place_in_the_data() {
        assert!(
            serde_json::from_str::<Credential>(r#"{"kind":"client-secret","tenant_id":"t","client_id":"c","client_secret":"tiger"}"#)
                .is_err()
        );
        assert!(serde_json::from_str::<Credential>(r#"{"kind":"bearer-token","token":{"env":"T"},"lifetime":"1h"}"#).is_err());
    }
}
