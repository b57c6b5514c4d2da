//! Tenants, values of the installation, secrets.

use async_trait::async_trait;
use model::{Name, ServicePrincipalId, TenantId, Uuid};
use rusqlite::{Row, params};
use store::{SealedSecret, StoreError, Tenant, TenantStore};

use crate::SqliteStore;
use crate::encode::{micros, moment};
use crate::error::{Done, Trouble, not_found};
use crate::session::Session;

/// The number of a tenant.
pub(crate) fn find(session: &Session<'_>, id: TenantId) -> Done<Option<i64>> {
    session.first("SELECT id FROM tenant WHERE uuid = ?1", [id.0], |row| Ok(row.get(0)?))
}

/// The number of a tenant that must be there.
pub(crate) fn require(session: &Session<'_>, id: TenantId) -> Done<i64> {
    find(session, id)?.ok_or_else(|| not_found("tenant", &id))
}

/// A refusal because a property's value is taken.
pub(crate) fn duplicate(property: &str, value: &(impl ToString + ?Sized)) -> Trouble {
    Trouble::Answer(StoreError::Duplicate { property: Name::from(property), value: value.to_string() })
}

const COLUMNS: &str = "SELECT uuid, display_name, domain, created FROM tenant";

fn tenant(row: &Row<'_>) -> Done<Tenant> {
    Ok(Tenant {
        id: TenantId(row.get::<_, Uuid>(0)?),
        display_name: row.get(1)?,
        domain: row.get(2)?,
        created: moment(row.get(3)?)?,
    })
}

fn installation_value(session: &Session<'_>, name: &str) -> Done<Option<Vec<u8>>> {
    session.first("SELECT value FROM installation WHERE name = ?1", [name], |row| Ok(row.get(0)?))
}

fn secrets(session: &Session<'_>, tenant: i64, owner: ServicePrincipalId) -> Done<Vec<SealedSecret>> {
    session.all(
        "SELECT key, sealed FROM secret WHERE tenant = ?1 AND owner = ?2 ORDER BY key",
        params![tenant, owner.0],
        |row| Ok(SealedSecret { key: row.get(0)?, sealed: row.get(1)? }),
    )
}

fn replace_secrets(
    session: &Session<'_>,
    tenant: i64,
    owner: ServicePrincipalId,
    secrets: Vec<SealedSecret>,
) -> Done<()> {
    session.run("DELETE FROM secret WHERE tenant = ?1 AND owner = ?2", params![tenant, owner.0])?;
    for secret in secrets {
        session.run(
            "INSERT INTO secret (tenant, owner, key, sealed) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET sealed = excluded.sealed",
            params![tenant, owner.0, secret.key, secret.sealed],
        )?;
    }
    Ok(())
}

#[async_trait]
impl TenantStore for SqliteStore {
    async fn create_tenant(&self, tenant: Tenant) -> store::Result<()> {
        self.write(move |session| {
            if find(session, tenant.id)?.is_some() {
                return Err(duplicate("id", &tenant.id));
            }
            session.run(
                "INSERT INTO tenant (uuid, display_name, domain, created) VALUES (?1, ?2, ?3, ?4)",
                params![tenant.id.0, tenant.display_name, tenant.domain, micros(tenant.created)],
            )?;
            Ok(())
        })
        .await
    }

    async fn tenants(&self) -> store::Result<Vec<Tenant>> {
        self.read(|session| session.all(&format!("{COLUMNS} ORDER BY created, id"), [], tenant)).await
    }

    async fn tenant(&self, id: TenantId) -> store::Result<Option<Tenant>> {
        self.read(move |session| session.first(&format!("{COLUMNS} WHERE uuid = ?1"), [id.0], tenant)).await
    }

    async fn installation_value(&self, name: &str) -> store::Result<Option<Vec<u8>>> {
        let name = name.to_owned();
        self.read(move |session| installation_value(session, &name)).await
    }

    async fn init_installation_value(&self, name: &str, value: Vec<u8>) -> store::Result<Vec<u8>> {
        let name = name.to_owned();
        self.write(move |session| {
            if let Some(present) = installation_value(session, &name)? {
                return Ok(present);
            }
            session.run("INSERT INTO installation (name, value) VALUES (?1, ?2)", params![name, value])?;
            Ok(value)
        })
        .await
    }

    async fn exchange_installation_value(
        &self,
        name: &str,
        before: &[u8],
        after: Vec<u8>,
    ) -> store::Result<bool> {
        let (name, before) = (name.to_owned(), before.to_vec());
        self.write(move |session| {
            if installation_value(session, &name)?.as_ref() != Some(&before) {
                return Ok(false);
            }
            session.run("UPDATE installation SET value = ?2 WHERE name = ?1", params![name, after])?;
            Ok(true)
        })
        .await
    }

    async fn secrets(&self, tenant: TenantId, owner: ServicePrincipalId) -> store::Result<Vec<SealedSecret>> {
        self.read(move |session| match find(session, tenant)? {
            Some(tenant) => secrets(session, tenant, owner),
            None => Ok(Vec::new()),
        })
        .await
    }

    async fn replace_secrets(
        &self,
        tenant: TenantId,
        owner: ServicePrincipalId,
        secrets: Vec<SealedSecret>,
    ) -> store::Result<()> {
        self.write(move |session| replace_secrets(session, require(session, tenant)?, owner, secrets)).await
    }

    async fn exchange_secrets(
        &self,
        tenant: TenantId,
        owner: ServicePrincipalId,
        mut before: Vec<SealedSecret>,
        after: Vec<SealedSecret>,
    ) -> store::Result<bool> {
        before.sort_by(|one, other| one.key.cmp(&other.key));
        self.write(move |session| {
            let tenant = require(session, tenant)?;
            if secrets(session, tenant, owner)? != before {
                return Ok(false);
            }
            replace_secrets(session, tenant, owner, after)?;
            Ok(true)
        })
        .await
    }
}
