//! How the text of a key becomes its value.

use std::path::PathBuf;

use lettre::message::Mailbox;
use model::{SignedDuration, Uuid};
use reqwest::Url;

use super::{Listen, SecretsKey, Tls, is_loopback};

impl SecretsKey {
    /// Reads 64 hexadecimal digits, whatever their case.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wanted = || "a key is 64 hexadecimal digits; make one with: openssl rand -hex 32".to_owned();
        let text = text.trim();
        if text.len() != 64 || !text.is_ascii() {
            return Err(wanted());
        }
        let mut key = [0; 32];
        for (octet, at) in key.iter_mut().zip((0..64).step_by(2)) {
            let digits = text.get(at..at + 2).ok_or_else(wanted)?;
            *octet = u8::from_str_radix(digits, 16).map_err(|_| wanted())?;
        }
        Ok(Self(key))
    }

    /// The key as it lies in a file.
    pub(crate) fn to_hex(&self) -> String {
        use std::fmt::Write as _;
        self.0.iter().fold(String::with_capacity(64), |mut text, octet| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{octet:02x}");
            text
        })
    }
}

pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("write a path".to_owned()) } else { Ok(PathBuf::from(text)) }
}

pub(super) fn days(text: &str) -> Result<SignedDuration, String> {
    let days = text.parse().ok().filter(|days| (1..=3650).contains(days));
    days.map(|days: i64| SignedDuration::from_hours(24 * days))
        .ok_or_else(|| "write a number of days from 1 to 3650".to_owned())
}

pub(super) fn rate(text: &str) -> Result<u32, String> {
    let rate = text.parse().ok().filter(|rate| (1..=1_000_000).contains(rate));
    rate.ok_or_else(|| "write a number of requests from 1 to 1000000".to_owned())
}

pub(super) fn truth(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("write true or false".to_owned()),
    }
}

pub(super) fn guid(text: &str) -> Result<Uuid, String> {
    Uuid::try_parse(text).map_err(|_| "write a GUID, such as 3f1c3f57-8f5e-4c55-9f2b-6d8a0f6f7c11".to_owned())
}

pub(super) fn listen(text: &str) -> Result<Listen, String> {
    let wanted = || "write HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080".to_owned();
    let (host, port) = text.rsplit_once(':').ok_or_else(wanted)?;
    let bare_colon = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
    if host.is_empty() || bare_colon {
        return Err(wanted());
    }
    Ok(Listen { host: host.to_owned(), port: port.parse().map_err(|_| wanted())? })
}

pub(super) fn public_url(text: &str) -> Result<String, String> {
    let wanted = || "write an address such as https://sync.example.com, without a query".to_owned();
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or_else(wanted)?;
    if rest.is_empty() || rest.contains(['?', '#', ' ', '"']) {
        return Err(wanted());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

pub(super) fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse().map_err(|_| {
        format!("'{text}' is no mail address; write one such as operations@example.com or Operations <ops@example.com>")
    })
}

pub(super) fn webhook(text: &str) -> Result<Url, String> {
    let wanted =
        || "write an address such as https://hooks.example.com/entente, or http on loopback".to_owned();
    let url: Url = text.parse().map_err(|_| wanted())?;
    let is_safe = match url.scheme() {
        "https" => true,
        "http" => url.host_str().is_some_and(is_loopback),
        _ => false,
    };
    if is_safe { Ok(url) } else { Err(wanted()) }
}

pub(super) fn tls(text: &str) -> Result<Tls, String> {
    if text == "self-signed" {
        return Ok(Tls::SelfSigned);
    }
    match text.split_once(',') {
        Some((certificate, key)) if !certificate.trim().is_empty() && !key.trim().is_empty() => {
            Ok(Tls::Files { certificate: certificate.trim().into(), key: key.trim().into() })
        }
        _ => Err("write self-signed, or CERT,KEY with the paths of two PEM files".to_owned()),
    }
}

pub(super) fn database(text: &str) -> Result<PathBuf, String> {
    match text.split_once(':') {
        Some(("sqlite", file)) => path(file.strip_prefix("//").unwrap_or(file)),
        _ => Err("this version keeps everything in SQLite: write sqlite:FILE, or leave it out".to_owned()),
    }
}

pub(super) fn role(text: &str) -> Result<(), String> {
    match text {
        "all" => Ok(()),
        "api" | "worker" => {
            Err("roles can be divided only where processes share a database; with SQLite write all"
                .to_owned())
        }
        _ => Err("write all".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Configuration, KEYS};
    use super::*;

    fn set(name: &str, text: &str) -> Result<Configuration, String> {
        let mut configuration = Configuration::default();
        let key = KEYS.iter().find(|key| key.name == name).expect("the key exists");
        key.set(&mut configuration, text).map(|()| configuration)
    }

    #[test]
    fn listen_takes_names_and_addresses() {
        for (text, loopback) in [
            ("127.0.0.1:0", true),
            ("localhost:80", true),
            ("[::1]:80", true),
            ("0.0.0.0:80", false),
            ("[::]:80", false),
            ("example.com:443", false),
        ] {
            let listen = set("listen", text).unwrap().listen;
            assert_eq!((listen.to_string().as_str(), listen.is_loopback()), (text, loopback));
        }
        for text in ["8080", ":8080", "host:", "host:99999", "::1:80"] {
            assert!(set("listen", text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_of_secrets_is_read_as_it_is_written() {
        let key = SecretsKey([0xA5; 32]);
        assert_eq!(SecretsKey::parse(&format!(" {}\n", key.to_hex().to_uppercase())).unwrap(), key);
        for text in ["", "a5", &"g".repeat(64), &"a".repeat(65), &"é".repeat(32)] {
            assert!(SecretsKey::parse(text).is_err(), "{text}");
        }
        assert_eq!(format!("{key:?}"), "SecretsKey(…)");
    }

    #[test]
    fn databases_and_roles_that_do_not_exist_are_told_apart_from_mistakes() {
        assert_eq!(
            set("database_url", "sqlite:///var/x.db").unwrap().database_file(),
            PathBuf::from("/var/x.db")
        );
        assert!(set("database_url", "postgres://host/db").err().unwrap().contains("SQLite"));
        assert!(set("role", "worker").err().unwrap().contains("share a database"));
        assert!(set("role", "all").is_ok());
    }

    #[test]
    fn names_and_variables_belong_together() {
        for key in KEYS {
            assert_eq!(key.variable, format!("ENTENTE_{}", key.name.to_uppercase()));
        }
    }
}
