//! A tenant with a job, and rows to write.

use model::fingerprint::Fingerprint;
use model::job::{Job, Schedule};
use model::link::{Entry, Exported, Link, LinkState, Origin};
use model::provisioning::{Action, Identity, Import, ModifiedProperty, Outcome, ProvisioningRecord, Step};
use model::schema::Schema;
use model::{
    Anchor, CycleId, Entropy as _, JobId, Name, ServicePrincipalId, SystemEntropy, TenantId, Timestamp, Uuid,
};
use store::{Commit, Forgotten, SchemaVersion, SharedStore, Tenant};

/// The moment of the suite that is so many seconds after its beginning.
#[must_use]
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).expect("a moment of the suite is a moment")
}

/// An identifier that nothing else has, whatever else runs on the same database.
#[must_use]
pub fn id() -> Uuid {
    SystemEntropy.uuid()
}

/// A tenant of its own with one job.
pub struct Fixture {
    /// The store.
    pub store: SharedStore,
    /// The tenant.
    pub tenant: TenantId,
    /// The job's service principal.
    pub owner: ServicePrincipalId,
    /// The job.
    pub job: JobId,
}

impl Fixture {
    /// Makes the tenant and the job.
    pub async fn new(store: SharedStore) -> Self {
        let (tenant, owner) = (TenantId(id()), ServicePrincipalId(id()));
        store
            .create_tenant(Tenant {
                id: tenant,
                display_name: "Zażółć gęślą jaźń 🦀".into(),
                domain: "example.com".into(),
                created: at(0),
            })
            .await
            .expect("a tenant is made");
        let mut fixture = Self { store, tenant, owner, job: JobId::from_text("none") };
        fixture.job = fixture.another_job(owner).await;
        fixture
    }

    /// Makes another job of the tenant.
    pub async fn another_job(&self, owner: ServicePrincipalId) -> JobId {
        let job = JobId::new("scim", self.tenant, id());
        self.store
            .create_job(self.job_row(job.clone(), owner), schema(1), *id().as_bytes())
            .await
            .expect("a job is made");
        job
    }

    /// A job of the tenant as a row.
    #[must_use]
    pub fn job_row(&self, id: JobId, owner: ServicePrincipalId) -> Job {
        Job {
            id,
            tenant: self.tenant,
            service_principal: owner,
            template: "scim".into(),
            schedule: Schedule::default(),
            settings: Vec::new(),
            created: at(1),
        }
    }

    /// Commits under the fence that holds while nobody took the lease.
    pub async fn commit(&self, commit: Commit) {
        self.store.commit(&self.job, commit).await.expect("a commit is written");
    }

    /// Forgets the job's escrows.
    pub async fn forget_escrows(&self) {
        let forgotten = Forgotten { escrows: true, links: false };
        self.commit(Commit { forgotten, ..Commit::default() }).await;
    }

    /// Forgets a job's links.
    pub async fn forget_links(&self, job: &JobId) {
        let forgotten = Forgotten { escrows: false, links: true };
        self.store.commit(job, Commit { forgotten, ..Commit::default() }).await.expect("a commit is written");
    }

    /// Commits entries alone.
    pub async fn commit_entries(&self, entries: Vec<Entry>) {
        self.commit(Commit { entries, ..Commit::default() }).await;
    }
}

/// A version of an empty schema.
pub(crate) fn schema(number: u64) -> SchemaVersion {
    SchemaVersion {
        number,
        moment: at(i64::try_from(number).expect("numbers of versions are small")),
        author: "suite".into(),
        schema: Schema { id: Some(format!("version {number}")), ..Schema::default() },
    }
}

/// An entry without a link.
#[must_use]
pub fn entry(rule: &str, source: &str) -> Entry {
    Entry {
        rule: rule.into(),
        kind: "User".into(),
        source: source.into(),
        mapping: "mapping".into(),
        display_name: Some(Name::from(format!("Person {source}"))),
        link: None,
        seen_generation: 0,
        last_skip: 0,
    }
}

/// A link in use.
#[must_use]
pub fn link(target: &str) -> Link {
    Link {
        kind: "urn:User".into(),
        anchor: target.into(),
        state: LinkState::Active,
        origin: Origin::Created,
        disabled: false,
        exported: vec![Exported { attribute: 7, computed: Fingerprint(1), shown: Fingerprint(1) }],
    }
}

/// An entry with a link.
#[must_use]
pub fn linked(rule: &str, source: &str, target: &str) -> Entry {
    Entry { link: Some(link(target)), ..entry(rule, source) }
}

/// A record of the provisioning log.
#[must_use]
pub fn record(id: Uuid, moment: Timestamp, source: &str, target: Option<&str>) -> ProvisioningRecord {
    ProvisioningRecord {
        id,
        moment,
        duration_ms: 12,
        cycle: CycleId(Uuid::from_u128(1)),
        change: Uuid::from_u128(id.as_u128() ^ 0xffff),
        action: Action::Create,
        outcome: Outcome::Success,
        skip: None,
        failure: None,
        source: Identity {
            anchor: Some(Anchor::new(source)),
            kind: "User".into(),
            name: Some("Zoë Ångström".into()),
        },
        target: Identity { anchor: target.map(Anchor::new), kind: "urn:User".into(), name: None },
        steps: vec![
            Step::Import(Import::Add),
            Step::Scoping { inactive: None, clause: None },
            Step::Match { attribute: "userName".into(), value: "zoë@example.com".into(), hits: 0 },
            Step::Decide(Action::Create),
            Step::Export(Action::Create),
        ],
        modified: vec![ModifiedProperty {
            name: "userName".into(),
            old: model::Value::Null,
            new: "zoë@example.com".into(),
        }],
    }
}
