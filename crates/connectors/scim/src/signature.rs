//! What a request carries to show who sends it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connector::{ConnectorError, ErrorClass, Result};
use reqwest::header::HeaderValue;

use crate::hidden::Hidden;
use crate::tokens::Tokens;

/// The header of a request, and what no error may show of it.
#[derive(Debug, Default)]
pub(crate) struct Signature {
    pub(crate) header: Option<HeaderValue>,
    pub(crate) secrets: Hidden,
}

impl Signature {
    /// With a bearer token (RFC 6750).
    pub(crate) fn bearer(token: &str) -> Result<Self> {
        Self::new(&format!("Bearer {token}"), [token.to_owned()])
    }

    /// With a user name and a password (RFC 7617).
    pub(crate) fn basic(user_name: &str, password: &str) -> Result<Self> {
        let both = STANDARD.encode(format!("{user_name}:{password}"));
        Self::new(&format!("Basic {both}"), [password.to_owned(), both])
    }

    fn new<const N: usize>(header: &str, secrets: [String; N]) -> Result<Self> {
        let mut header = HeaderValue::from_str(header).map_err(|_| {
            ConnectorError::new(ErrorClass::Unauthorized, "the credentials cannot be sent in a header")
        })?;
        header.set_sensitive(true);
        Ok(Self { header: Some(header), secrets: Hidden::new(secrets) })
    }
}

/// Signs requests.
pub(crate) enum Signer {
    /// Always in the same way.
    Same(Arc<Signature>),
    /// With tokens that end.
    Tokens(Arc<Tokens>),
}

impl Signer {
    pub(crate) async fn sign(&self) -> Result<Arc<Signature>> {
        match self {
            Self::Same(signature) => Ok(signature.clone()),
            Self::Tokens(tokens) => tokens.current().await,
        }
    }

    /// Another signature after one was refused; none where there is no other.
    pub(crate) async fn sign_anew(&self, refused: &Arc<Signature>) -> Result<Option<Arc<Signature>>> {
        match self {
            Self::Same(_) => Ok(None),
            Self::Tokens(tokens) => tokens.after_refusal(refused).await.map(Some),
        }
    }
}
