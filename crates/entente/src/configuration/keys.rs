//! The keys: names, variables, defaults.

use model::TenantId;

use super::issuers;
use super::texts::{
    database, days, guid, listen, mailbox, path, public_url, rate, role, tls, truth, webhook,
};
use super::{Configuration, Listen, LogFormat, SecretsKey};
use crate::notifications::MailTls;

/// One key of the configuration.
pub(crate) struct Key {
    /// Its name in the file.
    pub(crate) name: &'static str,
    /// The option of `serve` that sets it.
    pub(crate) option: Option<&'static str>,
    /// Its environment variable.
    pub(crate) variable: &'static str,
    /// What holds where nothing is written, in words.
    pub(crate) default: &'static str,
    /// What it is for.
    pub(crate) about: &'static str,
    /// True for what must not lie in a file, nor be shown.
    pub(crate) secret: bool,
    set: fn(&mut Configuration, &str) -> Result<(), String>,
}

impl Key {
    /// Takes a text over into the configuration, or says what the text should be.
    pub(crate) fn set(&self, configuration: &mut Configuration, text: &str) -> Result<(), String> {
        (self.set)(configuration, text)
    }
}

/// Every key that exists.
pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "data_dir",
        option: Some("data-dir"),
        variable: "ENTENTE_DATA_DIR",
        default: "entente-data",
        about: "Folder of the database, the secrets' key and the lock; made where it is missing.",
        secret: false,
        set: |configuration, text| {
            configuration.data_dir = path(text)?;
            Ok(())
        },
    },
    Key {
        name: "listen",
        option: Some("listen"),
        variable: "ENTENTE_LISTEN",
        default: "127.0.0.1:8080",
        about: "HOST:PORT to listen on; port 0 picks a free one.",
        secret: false,
        set: |configuration, text| {
            configuration.listen = listen(text)?;
            Ok(())
        },
    },
    Key {
        name: "public_url",
        option: None,
        variable: "ENTENTE_PUBLIC_URL",
        default: "the host that a request names",
        about: "Address by which clients reach the service, such as https://sync.example.com.",
        secret: false,
        set: |configuration, text| {
            configuration.public_url = Some(public_url(text)?);
            Ok(())
        },
    },
    Key {
        name: "tls",
        option: Some("tls"),
        variable: "ENTENTE_TLS",
        default: "none: plain HTTP",
        about: "CERT,KEY (PEM files), or self-signed for development.",
        secret: false,
        set: |configuration, text| {
            configuration.tls = Some(tls(text)?);
            Ok(())
        },
    },
    Key {
        name: "allow_plain_http",
        option: None,
        variable: "ENTENTE_ALLOW_PLAIN_HTTP",
        default: "false",
        about: "Serve plain HTTP beyond loopback; only behind a proxy that does TLS.",
        secret: false,
        set: |configuration, text| {
            configuration.allow_plain_http = truth(text)?;
            Ok(())
        },
    },
    Key {
        name: "database_url",
        option: Some("database-url"),
        variable: "ENTENTE_DATABASE_URL",
        default: "sqlite:entente.db in the data directory",
        about: "Where everything is kept: sqlite:FILE.",
        secret: false,
        set: |configuration, text| {
            configuration.database = Some(database(text)?);
            Ok(())
        },
    },
    Key {
        name: "role",
        option: Some("role"),
        variable: "ENTENTE_ROLE",
        default: "all",
        about: "What this process does: all. Divided roles need a database that processes share.",
        secret: false,
        set: |_, text| role(text),
    },
    Key {
        name: "log",
        option: None,
        variable: "ENTENTE_LOG",
        default: "info",
        about: "What is logged: error, warn, info, debug, trace, or a filter such as info,engine=debug.",
        secret: false,
        set: |configuration, text| {
            text.parse::<tracing_subscriber::filter::Targets>().map_err(|_| {
                "write a level (error, warn, info, debug, trace) or a filter such as info,engine=debug"
                    .to_owned()
            })?;
            text.clone_into(&mut configuration.log);
            Ok(())
        },
    },
    Key {
        name: "log_format",
        option: None,
        variable: "ENTENTE_LOG_FORMAT",
        default: "human",
        about: "human, or json with one object per line.",
        secret: false,
        set: |configuration, text| {
            configuration.log_format = match text {
                "human" => LogFormat::Human,
                "json" => LogFormat::Json,
                _ => return Err("write human or json".to_owned()),
            };
            Ok(())
        },
    },
    Key {
        name: "provisioning_log_days",
        option: None,
        variable: "ENTENTE_PROVISIONING_LOG_DAYS",
        default: "30",
        about: "Days that records of the provisioning log are kept.",
        secret: false,
        set: |configuration, text| {
            configuration.retention.provisioning_log = days(text)?;
            Ok(())
        },
    },
    Key {
        name: "deleted_items_days",
        option: None,
        variable: "ENTENTE_DELETED_ITEMS_DAYS",
        default: "30",
        about: "Days that deleted users, groups and applications can be restored; then they are gone for good.",
        secret: false,
        set: |configuration, text| {
            configuration.retention.deleted_items = days(text)?;
            Ok(())
        },
    },
    Key {
        name: "uploads_per_second",
        option: None,
        variable: "ENTENTE_UPLOADS_PER_SECOND",
        default: "1000",
        about: "Uploads (bulkUpload, 50 people each) that a tenant may send in a second; Microsoft Graph takes 40.",
        secret: false,
        set: |configuration, text| {
            configuration.uploads_per_second = rate(text)?;
            Ok(())
        },
    },
    Key {
        name: "mail_server",
        option: None,
        variable: "ENTENTE_MAIL_SERVER",
        default: "none: no mail is sent",
        about: "HOST:PORT of the SMTP server that takes mail about jobs. Needs mail_from.",
        secret: false,
        set: |configuration, text| {
            let Listen { host, port } = listen(text)?;
            (configuration.mail.host, configuration.mail.port) = (host, port);
            Ok(())
        },
    },
    Key {
        name: "mail_tls",
        option: None,
        variable: "ENTENTE_MAIL_TLS",
        default: "starttls",
        about: "starttls, tls (from the first octet), or none, which is only for a server on loopback.",
        secret: false,
        set: |configuration, text| {
            configuration.mail.tls = match text {
                "starttls" => MailTls::StartTls,
                "tls" => MailTls::Implicit,
                "none" => MailTls::None,
                _ => return Err("write starttls, tls or none".to_owned()),
            };
            Ok(())
        },
    },
    Key {
        name: "mail_from",
        option: None,
        variable: "ENTENTE_MAIL_FROM",
        default: "none",
        about: "Address that mail comes from, such as Entente <entente@example.com>.",
        secret: false,
        set: |configuration, text| {
            configuration.mail.from = Some(mailbox(text)?);
            Ok(())
        },
    },
    Key {
        name: "mail_to",
        option: None,
        variable: "ENTENTE_MAIL_TO",
        default: "those that SyncNotificationSettings names",
        about: "Addresses, separated by commas, that get mail about every job, beside those of its own settings.",
        secret: false,
        set: |configuration, text| {
            let addresses = text.split(',').map(str::trim).filter(|address| !address.is_empty());
            configuration.mail.to = addresses.map(mailbox).collect::<Result<_, _>>()?;
            Ok(())
        },
    },
    Key {
        name: "mail_user",
        option: None,
        variable: "ENTENTE_MAIL_USER",
        default: "none: nobody signs in",
        about: "Who signs in at the mail server. Needs mail_password.",
        secret: false,
        set: |configuration, text| {
            configuration.mail.user = Some(text.to_owned());
            Ok(())
        },
    },
    Key {
        name: "mail_password",
        option: None,
        variable: "ENTENTE_MAIL_PASSWORD",
        default: "none",
        about: "The password of mail_user.",
        secret: true,
        set: |configuration, text| {
            configuration.mail.password = Some(text.to_owned());
            Ok(())
        },
    },
    Key {
        name: "webhook_url",
        option: None,
        variable: "ENTENTE_WEBHOOK_URL",
        default: "none",
        about: "Address that notices about jobs are posted to: https, or http on loopback. Needs webhook_secret.",
        secret: false,
        set: |configuration, text| {
            configuration.webhook_url = Some(webhook(text)?);
            Ok(())
        },
    },
    Key {
        name: "webhook_secret",
        option: None,
        variable: "ENTENTE_WEBHOOK_SECRET",
        default: "none",
        about: "Secret that signs them, 16 characters or more.",
        secret: true,
        set: |configuration, text| {
            if text.chars().count() < 16 {
                return Err("a secret that signs needs 16 characters or more".to_owned());
            }
            configuration.webhook_secret = Some(text.to_owned());
            Ok(())
        },
    },
    Key {
        name: issuers::KEY,
        option: None,
        variable: "ENTENTE_TRUSTED_ISSUERS",
        default: "none",
        about: "Outside issuers whose tokens are taken beside the service's own: a table [[trusted_issuers]] for each.",
        secret: false,
        set: |configuration, text| {
            configuration.issuers = issuers::parse(text)?;
            Ok(())
        },
    },
    Key {
        name: "tenant_id",
        option: None,
        variable: "ENTENTE_TENANT_ID",
        default: "made at the first start",
        about: "Tenant of the bootstrap client, a GUID.",
        secret: false,
        set: |configuration, text| {
            configuration.tenant = Some(TenantId(guid(text)?));
            Ok(())
        },
    },
    Key {
        name: "bootstrap_client_id",
        option: None,
        variable: "ENTENTE_BOOTSTRAP_CLIENT_ID",
        default: "made at the first start",
        about: "Application id of the client that holds every permission, a GUID.",
        secret: false,
        set: |configuration, text| {
            configuration.bootstrap_client = Some(guid(text)?);
            Ok(())
        },
    },
    Key {
        name: "bootstrap_client_secret",
        option: None,
        variable: "ENTENTE_BOOTSTRAP_CLIENT_SECRET",
        default: "made at the first start",
        about: "Its secret; one of fewer than 16 characters is taken with a warning.",
        secret: true,
        set: |configuration, text| {
            if text.is_empty() {
                return Err("a secret needs a character at least".to_owned());
            }
            configuration.bootstrap_secret = Some(text.to_owned());
            Ok(())
        },
    },
    Key {
        name: "secrets_key",
        option: None,
        variable: "ENTENTE_SECRETS_KEY",
        default: "DATA_DIR/secrets.key, made at the first start",
        about: "Key that encrypts secrets at rest: 64 hexadecimal digits.",
        secret: true,
        set: |configuration, text| {
            configuration.secrets_key = Some(SecretsKey::parse(text)?);
            Ok(())
        },
    },
];
