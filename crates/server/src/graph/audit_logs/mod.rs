//! `/auditLogs`: what cycles did to objects, and what people did to the configuration.

mod audit_query;
mod directory_audits;
mod provisioning;
mod query;
mod surroundings;

pub(super) use surroundings::Known;

use super::route::Route;

/// Read the provisioning log.
const READ_PROVISIONING: &[&str] = &["ProvisioningLog.Read.All", "AuditLog.Read.All"];
/// Read the audit log.
const READ_AUDITS: &[&str] = &["AuditLog.Read.All"];

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("auditLogs/provisioning", READ_PROVISIONING, provisioning::list),
        Route::get("auditLogs/provisioning/{id}", READ_PROVISIONING, provisioning::get),
        Route::get("auditLogs/directoryAudits", READ_AUDITS, directory_audits::list),
        Route::get("auditLogs/directoryAudits/{id}", READ_AUDITS, directory_audits::get),
    ]
}
