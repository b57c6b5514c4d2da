//! A job, ready to run: its schema compiled, its connectors built.

use std::borrow::Cow;
use std::sync::Arc;

use connector::{Configuration, ConfigurationError, ConnectorError, Selection, Source, Target};
use model::fingerprint::Fingerprinter;
use model::job::Job;
use model::secrets::Secrets;
use model::settings::{JobSettings, SettingError};
use model::{Anchor, Name, Timestamp};
use store::{SchemaVersion, StoreError};
use sync::{Context, Domains, Limits, Mapping, Policy, Program, SchemaError};
use thiserror::Error;

use crate::pace::Pace;
use crate::services::{JobSecrets, Services};

/// Why a job cannot run at all.
#[derive(Debug, Error)]
pub enum PrepareError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The credentials are incomplete or of no use.
    #[error("{0}")]
    Configuration(#[from] ConfigurationError),
    /// A setting is wrong.
    #[error("{0}")]
    Setting(#[from] SettingError),
    /// A clause of `NeverTouch` cannot be tested at this target.
    #[error("the job setting NeverTouch cannot be followed: {0}")]
    NeverTouch(String),
    /// The schema cannot run.
    #[error("the schema cannot run: {}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Schema(Vec<SchemaError>),
    /// The template or its connector is not known here, or its source cannot tell what the schema asks.
    #[error("{0}")]
    Template(String),
    /// A connector could not be built.
    #[error("{0}")]
    Connector(#[from] ConnectorError),
}

/// A job, ready to run.
pub(crate) struct Prepared {
    pub(crate) job: Job,
    pub(crate) settings: JobSettings,
    pub(crate) program: Program,
    pub(crate) schema: u64,
    /// What schema and scope mean: when it changes, everything is read again.
    pub(crate) meaning: u64,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) target: Arc<dyn Target>,
    /// What is read from the source, by object type.
    pub(crate) selections: Vec<Selection>,
    /// What is read and written at the target, by rule and mapping.
    targets: Vec<(Name, Name, Selection)>,
    pub(crate) policy: Policy,
    pub(crate) pace: Arc<Pace>,
    /// The names of domains that expressions can read.
    domains: Domains,
    /// The target, as its connector names it.
    pub(crate) identity: String,
    secrets: JobSecrets,
}

impl Prepared {
    /// True where nothing that it was made from has changed.
    pub(crate) fn is_current(&self, job: &Job, schema: u64, secrets: &JobSecrets) -> bool {
        let same = self.job.settings == job.settings && self.job.schedule == job.schedule;
        same && self.schema == schema && self.secrets == *secrets
    }

    pub(crate) async fn build(
        services: &Services,
        job: Job,
        version: SchemaVersion,
        settings: JobSettings,
        secrets: JobSecrets,
    ) -> Result<Self, PrepareError> {
        let mut program = sync::compile(&version.schema).map_err(PrepareError::Schema)?;
        program.protect(&version.schema, &settings.policies.never_touch).map_err(PrepareError::NeverTouch)?;
        let template = services.template_of(&job).await?;
        let sides = services.sides(&template, &job, &settings, &version.schema, &secrets)?;
        sides.source.0.validate_source(&sides.source.1)?;
        sides.target.0.validate_target(&sides.target.1)?;
        let identity = sides.target.0.identity(&sides.target.1);
        let selections = selections(&program);
        let source = sides.source.0.source(&sides.source.1).await?;
        if !source.capabilities().memberships && selections.iter().any(|one| !one.groups.is_empty()) {
            let words =
                "a scoping filter uses IsMemberOf, but the source does not tell who is a member of a group";
            return Err(PrepareError::Template(words.to_owned()));
        }
        let target = sides.target.0.target(&sides.target.1).await?;
        let key = services.store.job_key(&job.id).await?;
        let tenant = services.store.tenant(job.tenant).await?;
        let domains = Domains {
            default: tenant.map(|tenant| tenant.domain.into()),
            fqdn: settings.domain_fqdn.clone(),
            net_bios: settings.domain_net_bios.clone(),
        };
        let policy = Policy {
            skip_out_of_scope_deletions: secrets.own.flag("SkipOutOfScopeDeletions"),
            verification: settings.target_verification,
            fingerprints: Fingerprinter::new(key),
            ownership: settings.policies.ownership,
            limits: Limits::of(&settings, notification_threshold(&secrets.own)),
        };
        let meaning = scope_meaning(&program, &settings, &secrets);
        Ok(Self {
            selections,
            targets: targets(&program),
            domains,
            pace: Pace::new(settings.concurrent_exports, settings.requests_per_second).into(),
            schema: version.number,
            job,
            settings,
            program,
            meaning,
            source,
            target,
            policy,
            identity,
            secrets,
        })
    }

    /// What expressions see beside an object.
    pub(crate) fn context<'s>(&self, now: Timestamp, services: &'s Services) -> Context<'s> {
        Context::new(now, &*services.entropy).with_domains(self.domains.clone())
    }

    /// The mapping by which a rule remembers an object.
    pub(crate) fn mapping(&self, rule: &str, key: &str) -> Option<&Mapping> {
        let rule = self.program.rules.iter().find(|one| one.id == rule)?;
        rule.mappings.iter().find(|mapping| mapping.key == key)
    }

    /// The first mapping of a rule that reads a source type.
    pub(crate) fn mapping_of(&self, rule: &str, kind: &str) -> Option<&Mapping> {
        let rule = self.program.rules.iter().find(|one| one.id == rule)?;
        rule.mappings.iter().find(|mapping| mapping.source_kind == kind)
    }

    /// What is read and written at the target by a mapping.
    pub(crate) fn target_selection(&self, mapping: &Mapping) -> Cow<'_, Selection> {
        let mut known = self.targets.iter();
        match known.find(|(rule, key, _)| *rule == mapping.rule && *key == mapping.key) {
            Some((.., selection)) => Cow::Borrowed(selection),
            None => Cow::Owned(target_selection(mapping)),
        }
    }

    /// What is read from the source of an object type.
    pub(crate) fn selection(&self, kind: &str) -> Option<&Selection> {
        self.selections.iter().find(|selection| selection.kind == kind)
    }
}

fn targets(program: &Program) -> Vec<(Name, Name, Selection)> {
    let mappings = program.rules.iter().flat_map(|rule| &rule.mappings);
    mappings.map(|one| (one.rule.clone(), one.key.clone(), target_selection(one))).collect()
}

pub(super) fn target_selection(mapping: &Mapping) -> Selection {
    Selection {
        kind: mapping.target_kind.clone(),
        attributes: mapping.target_attributes.clone(),
        ..Selection::default()
    }
}

/// Both connectors of a job with their configurations.
pub(crate) struct Sides {
    pub(crate) source: (Arc<dyn connector::Factory>, Configuration),
    pub(crate) target: (Arc<dyn connector::Factory>, Configuration),
}

fn selections(program: &Program) -> Vec<Selection> {
    let mut selections: Vec<Selection> = Vec::new();
    for mapping in program.rules.iter().flat_map(|rule| &rule.mappings) {
        let kind = &mapping.source_kind;
        if !selections.iter().any(|one| one.kind == *kind) {
            selections.push(Selection { kind: kind.clone(), ..Selection::default() });
        }
        for selection in selections.iter_mut().filter(|one| one.kind == *kind) {
            for name in &mapping.source_attributes {
                if !selection.attributes.contains(name) {
                    selection.attributes.push(name.clone());
                }
            }
            for name in &mapping.clearing {
                if !selection.clearing.contains(name) {
                    selection.clearing.push(name.clone());
                }
            }
            for group in mapping.member_groups() {
                if !selection.groups.contains(group) {
                    selection.groups.push(group.clone());
                }
            }
        }
    }
    selections
}

fn scope_meaning(program: &Program, settings: &JobSettings, secrets: &JobSecrets) -> u64 {
    let (nested, policies) = (settings.nested_groups, &settings.policies);
    let touch = (policies.ownership, &policies.never_touch);
    let domains = (&settings.domain_fqdn, &settings.domain_net_bios);
    let (everybody, seen_by) = (secrets.of_source().flag("SyncAll"), settings.source_service_principal);
    let stays = secrets.own.flag("SkipOutOfScopeDeletions");
    let scope = format!("{} {nested} {everybody} {stays} {touch:?} {domains:?} {seen_by:?}", program.meaning);
    Fingerprinter::new([0; 16]).of(&model::Value::from(scope), true).0
}

/// `DeleteThresholdValue` of the secret `SyncNotificationSettings`, JSON in a text, where it is enabled.
fn notification_threshold(secrets: &Secrets) -> Option<u64> {
    let settings: serde_json::Value = serde_json::from_str(secrets.get("SyncNotificationSettings")?).ok()?;
    let field = |name: &str| {
        settings.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    field("DeleteThresholdEnabled")?.as_bool().filter(|enabled| *enabled)?;
    let value = field("DeleteThresholdValue")?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).filter(|threshold| *threshold > 0)
}

/// A rule and a source object: what entries, escrows and staged rows are keyed by.
pub(crate) type Key = (Name, Anchor);
