//! The ways by which people are told of a job's health: mail, and a webhook that other programs take up.

mod mail;
mod webhook;

use std::sync::Arc;

use anyhow::Result;
use engine::{NoticeKind, Notifiers};
use model::Clock;

use crate::configuration::Configuration;

pub(crate) use mail::{MailServer, MailTls};
pub(crate) use webhook::Webhook;

/// The ways that the configuration names.
pub(crate) fn notifiers(configuration: &Configuration, clock: &Arc<dyn Clock>) -> Result<Notifiers> {
    let mut notifiers = Notifiers::default();
    if let Some(mail) = mail::Mail::of(configuration)? {
        notifiers = notifiers.with(Arc::new(mail));
    }
    if let Some(webhook) = configuration.webhook() {
        notifiers = notifiers.with(Arc::new(webhook::Poster::new(webhook, clock.clone())?));
    }
    Ok(notifiers)
}

/// What happened, in few words.
fn headline(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Quarantined => "a synchronization job is in quarantine",
        NoticeKind::RemovalsStaged => "disables or deletes wait for consent",
        NoticeKind::CreatesStaged => "creates wait for consent",
        NoticeKind::UpdatesStaged => "updates wait for consent",
        NoticeKind::Paused => "a synchronization job was paused",
        NoticeKind::Recovered => "a synchronization job has recovered",
        NoticeKind::Disabled => "a synchronization job was disabled",
    }
}
