//! The table of all routes. A family of operations brings its routes with it; to add one, write its module and name it
//! here.

use super::route::Route;

/// Every route of the API.
pub(super) fn routes() -> Vec<Route> {
    [
        super::app_role_assignments::routes(),
        super::application_templates::routes(),
        super::applications::routes(),
        super::audit_logs::routes(),
        super::batch::routes(),
        super::deleted_items::routes(),
        super::delta::routes(),
        super::directory_objects::routes(),
        super::extension_properties::routes(),
        super::groups::routes(),
        super::organization::routes(),
        super::passwords::routes(),
        super::relations::routes(),
        super::reports::routes(),
        super::service_principals::routes(),
        super::synchronization::routes(),
        super::users::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
