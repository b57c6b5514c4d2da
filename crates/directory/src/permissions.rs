//! The permissions that tokens can carry: app roles of the built-in service principal "Microsoft Graph".

use model::Uuid;
use serde_json::{Value as Json, json};

/// The application id of Microsoft Graph, in every tenant.
pub const GRAPH_APP_ID: &str = "00000003-0000-0000-c000-000000000000";

/// One permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The app role's value, as a token's `roles` claim carries it.
    pub value: &'static str,
    /// The app role's id: Graph's own where one is published, else one of ours that never changes.
    pub id: Uuid,
    /// What it allows.
    pub description: &'static str,
}

impl Permission {
    /// The permission as the Graph resource `appRole`.
    #[must_use]
    pub fn app_role(&self) -> Json {
        json!({
            "allowedMemberTypes": ["Application"],
            "description": self.description,
            "displayName": self.description,
            "id": self.id.to_string(),
            "isEnabled": true,
            "origin": "Application",
            "value": self.value,
        })
    }

    /// The permission of an app role.
    #[must_use]
    pub fn of_role(id: Uuid) -> Option<&'static Self> {
        PERMISSIONS.iter().find(|permission| permission.id == id)
    }
}

const fn permission(value: &'static str, id: u128, description: &'static str) -> Permission {
    Permission { value, id: Uuid::from_u128(id), description }
}

/// Every permission that a route can ask for.
pub const PERMISSIONS: &[Permission] = &[
    permission(
        "Synchronization.Read.All",
        0x5ba4_3d2f_fa88_4db2_bd1c_a67c_5f0f_b1ce,
        "Read all synchronization data",
    ),
    permission(
        "Synchronization.ReadWrite.All",
        0x9b50_c33d_700f_43b1_b2eb_87e8_9b70_3581,
        "Read and write all synchronization data",
    ),
    permission(
        "SynchronizationData-User.Upload",
        0xdb31_e92a_b9ea_4d87_bf6a_75a3_7a9c_a35a,
        "Upload user data to the identity synchronization service",
    ),
    permission(
        "SynchronizationData-User.Upload.OwnedBy",
        0x25c3_2ff3_849a_494b_b94f_20a8_ac4e_6774,
        "Upload user data for applications that this client owns",
    ),
    permission(
        "SynchronizationMetadata.Read.All",
        0xe47e_47e0_0000_4000_8000_0000_0000_0001,
        "Read the links between source and target objects",
    ),
    permission(
        "SynchronizationMetadata.Read.OwnedBy",
        0xe47e_47e0_0000_4000_8000_0000_0000_0002,
        "Read the links of applications that this client owns",
    ),
    permission(
        "SynchronizationMetadata.ReadWrite.All",
        0xe47e_47e0_0000_4000_8000_0000_0000_0003,
        "Read and remove the links between source and target objects",
    ),
    permission(
        "SynchronizationMetadata.ReadWrite.OwnedBy",
        0xe47e_47e0_0000_4000_8000_0000_0000_0004,
        "Read and remove the links of applications that this client owns",
    ),
    permission("Application.Read.All", 0x9a5d_68dd_52b0_4cc2_bd40_abcf_44ac_3a30, "Read all applications"),
    permission(
        "Application.ReadWrite.OwnedBy",
        0x18a4_783c_866b_4cc7_a460_3d5e_5662_c884,
        "Manage applications that this client creates or owns",
    ),
    permission(
        "Application.ReadWrite.All",
        0x1bfe_fb4e_e0b5_418b_a88f_73c4_6d2c_c8e9,
        "Read and write all applications",
    ),
    permission(
        "AppRoleAssignment.ReadWrite.All",
        0x06b7_08a9_e830_4db3_a914_8e69_da51_d44f,
        "Manage app role assignments",
    ),
    permission("Directory.Read.All", 0x7ab1_d382_f21e_4acd_a863_ba3e_13f7_da61, "Read directory data"),
    permission(
        "Directory.ReadWrite.All",
        0x19db_c75e_c2e2_444c_a770_ec69_d855_9fc7,
        "Read and write directory data",
    ),
    permission("User.Read.All", 0xdf02_1288_bdef_4463_88db_98f2_2de8_9214, "Read all users"),
    permission("User.ReadWrite.All", 0x741f_803b_c850_494e_b5df_cde7_c675_a1ca, "Read and write all users"),
    permission("Group.Read.All", 0x5b56_7255_7703_4780_807c_7be8_301a_e99b, "Read all groups"),
    permission("Group.ReadWrite.All", 0x62a8_2d76_70ea_41e2_9197_3705_8180_4d09, "Read and write all groups"),
    permission("AuditLog.Read.All", 0xb0af_ded3_3588_46d8_8b3d_9842_eff7_78da, "Read all audit logs"),
    permission(
        "ProvisioningLog.Read.All",
        0x0919_37d3_3e38_47a1_8649_b2f9_9d30_35f1,
        "Read all provisioning logs",
    ),
    permission(
        "Scim.ReadWrite.All",
        0xe47e_47e0_0000_4000_8000_0000_0000_0005,
        "Read and write users and groups over SCIM",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn permissions_differ() {
        let ids: HashSet<_> = PERMISSIONS.iter().map(|permission| permission.id).collect();
        let values: HashSet<_> = PERMISSIONS.iter().map(|permission| permission.value).collect();
        assert_eq!((ids.len(), values.len()), (PERMISSIONS.len(), PERMISSIONS.len()));
    }
}
