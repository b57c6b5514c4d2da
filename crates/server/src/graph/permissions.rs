//! Which permissions suffice for which operations, from least to most privileged, as the Graph reference lists them for
//! applications.

/// Read users.
pub(crate) const READ_USERS: &[&str] =
    &["User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];
/// Write users.
pub(crate) const WRITE_USERS: &[&str] = &["User.ReadWrite.All", "Directory.ReadWrite.All"];
/// Read groups.
pub(crate) const READ_GROUPS: &[&str] =
    &["Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];
/// Write groups.
pub(crate) const WRITE_GROUPS: &[&str] = &["Group.ReadWrite.All", "Directory.ReadWrite.All"];
/// Read the groups that a user is in.
pub(crate) const READ_MEMBERSHIPS: &[&str] = &[
    "User.Read.All",
    "User.ReadWrite.All",
    "Group.Read.All",
    "Group.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
/// Read any object of the directory.
pub(crate) const READ_DIRECTORY: &[&str] = &["Directory.Read.All", "Directory.ReadWrite.All"];
/// Read one application or service principal.
pub(crate) const READ_APPLICATION: &[&str] = &[
    "Application.Read.All",
    "Application.ReadWrite.OwnedBy",
    "Application.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
/// Read all applications and service principals.
pub(crate) const READ_APPLICATIONS: &[&str] =
    &["Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];
/// Write applications and service principals.
pub(crate) const WRITE_APPLICATION: &[&str] =
    &["Application.ReadWrite.OwnedBy", "Application.ReadWrite.All", "Directory.ReadWrite.All"];
/// Write any application or service principal.
pub(crate) const WRITE_APPLICATIONS: &[&str] = &["Application.ReadWrite.All", "Directory.ReadWrite.All"];
/// Read who is assigned to an application.
pub(crate) const READ_ASSIGNMENTS: &[&str] = &[
    "Application.Read.All",
    "Application.ReadWrite.All",
    "AppRoleAssignment.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
/// Read what a user is assigned to.
pub(crate) const READ_USER_ASSIGNMENTS: &[&str] =
    &["AppRoleAssignment.ReadWrite.All", "User.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"];
/// Read what a group is assigned to.
pub(crate) const READ_GROUP_ASSIGNMENTS: &[&str] =
    &["AppRoleAssignment.ReadWrite.All", "Group.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"];
/// Assign and end assignments. Whoever may do that can give permissions to clients.
pub(crate) const WRITE_ASSIGNMENTS: &[&str] = &["AppRoleAssignment.ReadWrite.All"];
/// Something in the bin, of any kind; the handler asks for the permission of the object's kind.
pub(crate) const READ_DELETED: &[&str] = &[
    "User.Read.All",
    "User.ReadWrite.All",
    "Group.Read.All",
    "Group.ReadWrite.All",
    "Application.Read.All",
    "Application.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
/// Restore or remove something in the bin, of any kind; the handler asks for the permission of the object's kind.
pub(crate) const WRITE_DELETED: &[&str] =
    &["User.ReadWrite.All", "Group.ReadWrite.All", "Application.ReadWrite.All", "Directory.ReadWrite.All"];
/// Read what the tenant shows of itself.
pub(crate) const READ_ORGANIZATION: &[&str] =
    &["User.Read.All", "Application.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"];
