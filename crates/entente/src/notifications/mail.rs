//! Notices as mail.

use std::fmt;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use engine::{Notice, Notifier, NotifyError};
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use super::headline;
use crate::configuration::Configuration;

/// A server that takes mail. Debug output does not show the password.
#[derive(Clone)]
pub(crate) struct MailServer {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: MailTls,
    /// Who signs in there, where that is asked for.
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    /// Whom mail comes from.
    pub(crate) from: Option<Mailbox>,
    /// Who is told about every job, beside those that `SyncNotificationSettings` names.
    pub(crate) to: Vec<Mailbox>,
}

impl Default for MailServer {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 587,
            tls: MailTls::StartTls,
            user: None,
            password: None,
            from: None,
            to: Vec::new(),
        }
    }
}

impl fmt::Debug for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailServer({}:{})", self.host, self.port)
    }
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MailTls {
    /// The connection begins in clear and MUST become TLS before anything is said.
    StartTls,
    /// TLS from the first octet.
    Implicit,
    /// None; only on loopback.
    None,
}

/// Sends notices as mail.
pub(super) struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Mail {
    /// The way that the configuration names; none where it names no server.
    pub(super) fn of(configuration: &Configuration) -> Result<Option<Self>> {
        let server = &configuration.mail;
        let Some(from) = server.from.clone().filter(|_| !server.host.is_empty()) else { return Ok(None) };
        let host = server.host.as_str();
        let builder = match server.tls {
            MailTls::StartTls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host),
            MailTls::Implicit => AsyncSmtpTransport::<Tokio1Executor>::relay(host),
            MailTls::None => Ok(AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)),
        };
        let mut builder = builder
            .context("mail_server is of no use")?
            .port(server.port)
            .hello_name(ClientId::Domain(from.email.domain().to_owned()));
        if let (Some(user), Some(password)) = (&server.user, &server.password) {
            builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
        }
        Ok(Some(Self { transport: builder.build(), from, to: server.to.clone() }))
    }

    /// The mail of a notice; none where nobody is to be told.
    fn message(&self, notice: &Notice) -> Result<Option<Message>> {
        let named = notice.recipients.iter().filter_map(|address| match address.parse::<Mailbox>() {
            Ok(address) => Some(address),
            Err(error) => {
                tracing::warn!(job = %notice.job_id, %address, %error, "SyncNotificationSettings names no mail address");
                None
            }
        });
        let mut to = self.to.clone();
        for address in named {
            if !to.iter().any(|known| known.email == address.email) {
                to.push(address);
            }
        }
        if to.is_empty() {
            return Ok(None);
        }
        let mut builder = Message::builder()
            .from(self.from.clone())
            .subject(format!("Entente: {}", headline(notice.kind)))
            .message_id(Some(format!("<{}@{}>", notice.id, self.from.email.domain())))
            .header(ContentType::TEXT_PLAIN);
        for address in to {
            builder = builder.to(address);
        }
        Ok(Some(builder.body(words(notice))?))
    }
}

fn words(notice: &Notice) -> String {
    let next = match notice.next_attempt {
        Some(moment) => format!("Next attempt:      {moment}\r\n"),
        None => String::new(),
    };
    format!(
        "{}\r\n\r\nJob:               {}\r\nService principal: {}\r\nTenant:            {}\r\nCode:              {}\r\n\
         At:                {}\r\n{next}\r\nThis event has the id {}. It may come more than once.\r\n",
        notice.message,
        notice.job_id,
        notice.service_principal_id,
        notice.tenant_id,
        notice.code,
        notice.moment,
        notice.id,
    )
}

#[async_trait]
impl Notifier for Mail {
    fn channel(&self) -> &'static str {
        "mail"
    }

    async fn notify(&self, notice: &Notice) -> Result<(), NotifyError> {
        let broken = |error: &dyn fmt::Display| NotifyError(format!("mail: {error}"));
        let Some(message) = self.message(notice).map_err(|error| broken(&error))? else { return Ok(()) };
        self.transport.send(message).await.map(|_| ()).map_err(|error| broken(&error))
    }
}
