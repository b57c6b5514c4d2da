//! Groups in assigned groups, whole cycles long: the embedded directory as the source, through the Graph API.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::graph::{Job, World};
use crate::target::Target;

impl World {
    async fn group(&self, name: &str) -> String {
        let group =
            json!({"displayName": name, "mailEnabled": false, "mailNickname": name, "securityEnabled": true});
        self.send(Method::POST, "groups", group).await["id"].as_str().unwrap().to_owned()
    }

    async fn join(&self, group: &str, member: &str) {
        let member = json!({ "@odata.id": format!("https://x/beta/directoryObjects/{member}") });
        self.send(Method::POST, &format!("groups/{group}/members/$ref"), member).await;
    }

    async fn remove(&self, path: &str) {
        let (status, answer) = self.call(Method::DELETE, path, None).await;
        assert!(status.is_success(), "DELETE {path}: {status} {answer}");
    }

    async fn leave(&self, group: &str, member: &str) {
        self.remove(&format!("groups/{group}/members/{member}/$ref")).await;
    }
}

impl Job<'_> {
    /// Assigns a group or a person; the assignment's path.
    async fn assign(&self, object: &str) -> String {
        let path = format!("servicePrincipals/{}", self.principal);
        let principal = self.world.get(&path).await;
        let role = principal["appRoles"][0]["id"].as_str().unwrap_or("00000000-0000-0000-0000-000000000000");
        let body = json!({"principalId": object, "resourceId": self.principal, "appRoleId": role});
        let path = format!("{path}/appRoleAssignedTo");
        let made = self.world.send(Method::POST, &path, body).await;
        format!("{path}/{}", made["id"].as_str().unwrap())
    }
}

/// The people at the target after a cycle, in one word each: `ada` where she is active, `-ada` where she is not.
async fn after_cycle(job: &Job<'_>, target: &Target) -> String {
    let ended = job.cycle().await;
    assert_eq!(ended["status"]["quarantine"], Json::Null);
    assert_eq!(ended["status"]["lastExecution"]["countEscrowedRaw"], 0, "{ended:#}");
    let shown = |(name, active): (String, bool)| {
        let name = name.split('@').next().unwrap_or_default().to_owned();
        if active { name } else { format!("-{name}") }
    };
    target.users().into_iter().map(shown).collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn people_in_groups_of_an_assigned_group_come_and_go_with_each_link_of_the_chain() {
    let (world, target) = (World::start(&[]), Target::start().await);
    let mut ids = BTreeMap::new();
    for name in ["ada", "bob", "cleo", "dora", "eve"] {
        ids.insert(name, world.user(name).await);
    }
    let (outer, inner, deep) =
        (world.group("outer").await, world.group("inner").await, world.group("deep").await);
    world.join(&outer, &ids["bob"]).await;
    world.join(&outer, &inner).await;
    world.join(&inner, &ids["ada"]).await;
    world.join(&deep, &ids["dora"]).await;
    let job = world.job(&target, &[]).await;
    job.put_secrets(&target, &[("SyncAll", "false")]).await;
    let assignment = job.assign(&outer).await;
    let cycle = async || after_cycle(&job, &target).await;

    assert_eq!(cycle().await, "bob", "only direct members, unless the setting says otherwise");
    job.set(&[("NestedGroups", "true")]).await;
    assert_eq!(cycle().await, "ada bob");
    // A nested group gains and loses a member: an incremental cycle sees to exactly these.
    world.join(&inner, &ids["cleo"]).await;
    world.leave(&inner, &ids["ada"]).await;
    assert_eq!(cycle().await, "-ada bob cleo");
    assert_eq!(
        job.status().await["lastExecution"]["countExported"],
        3,
        "two people, and the group's members"
    );
    // One level more, and a circle of groups.
    world.join(&inner, &deep).await;
    world.join(&deep, &outer).await;
    assert_eq!(cycle().await, "-ada bob cleo dora");
    world.join(&deep, &ids["eve"]).await;
    assert_eq!(cycle().await, "-ada bob cleo dora eve");
    // Whoever has another way to the access keeps it.
    world.join(&outer, &ids["eve"]).await;
    world.leave(&outer, &inner).await;
    assert_eq!(cycle().await, "-ada bob -cleo -dora eve");
    world.join(&outer, &inner).await;
    assert_eq!(cycle().await, "-ada bob cleo dora eve", "the same accounts are enabled again");
    assert_eq!(target.users().len(), 5);
    // The nested group is deleted, with it the way through it.
    world.remove(&format!("groups/{inner}")).await;
    assert_eq!(cycle().await, "-ada bob -cleo -dora eve");
    world.send(Method::POST, &format!("directory/deletedItems/{inner}/restore"), json!({})).await;
    assert_eq!(cycle().await, "-ada bob cleo dora eve");
    // The setting is turned off again: direct members alone.
    job.set(&[]).await;
    assert_eq!(cycle().await, "-ada bob -cleo -dora eve");
    job.set(&[("NestedGroups", "true")]).await;
    assert_eq!(cycle().await, "-ada bob cleo dora eve");
    // Without the assignment, nobody of all these.
    world.remove(&assignment).await;
    job.assign(&ids["bob"]).await;
    assert_eq!(cycle().await, "-ada bob -cleo -dora -eve");
}
