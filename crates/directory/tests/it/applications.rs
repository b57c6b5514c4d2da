use directory::{CUSTOM_APPLICATION_TEMPLATE, DirectoryError, ObjectKind, PasswordCredential, app_roles};
use model::Uuid;
use serde_json::{Value as Json, json};
use store::StoreError;

use crate::{World, is_absent, map, refused_for};

const USER_ROLE: &str = "18d14569-c3bd-439b-9a66-3a2aee01d14f";

fn uuid(text: &str) -> Uuid {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_template_gives_an_application_and_its_service_principal() {
    let world = World::empty().await;
    let made = world.tenant.instantiate(CUSTOM_APPLICATION_TEMPLATE, "Payroll").await.unwrap();
    let (application, principal) = (&made.application, &made.service_principal);
    assert_eq!(application.text("appId"), principal.text("appId"));
    assert_eq!(principal.text("displayName"), Some("Payroll"));
    assert_eq!(principal.text("applicationTemplateId"), Some(CUSTOM_APPLICATION_TEMPLATE));
    let names = |roles: &[Json]| -> Vec<String> {
        roles.iter().map(|role| role["displayName"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(app_roles(application)), ["User", "msiam_access"]);
    assert_eq!(app_roles(application), app_roles(principal));
    assert_eq!(world.read(ObjectKind::ServicePrincipal, principal.id).await, *principal);
    let app_id = application.text("appId").unwrap();
    let found = world.tenant.find_by(ObjectKind::Application, "appId", app_id).await.unwrap();
    assert_eq!(found.as_ref(), Some(application));
}

#[tokio::test]
async fn a_service_principal_needs_its_application_and_is_the_only_one() {
    let world = World::empty().await;
    let stray =
        world.tenant.create_service_principal(map(json!({"appId": Uuid::from_u128(1).to_string()}))).await;
    assert_eq!(refused_for(stray), "appId");
    let application = world.tenant.create_application(map(json!({"displayName": "Payroll"}))).await.unwrap();
    let by_app_id = map(json!({"appId": application.text("appId")}));
    world.tenant.create_service_principal(by_app_id.clone()).await.unwrap();
    assert_eq!(refused_for(world.tenant.create_service_principal(by_app_id).await), "appId");
}

#[tokio::test]
async fn roles_of_an_application_reach_its_service_principal() {
    let world = World::empty().await;
    let made = world.tenant.instantiate(CUSTOM_APPLICATION_TEMPLATE, "Payroll").await.unwrap();
    let mut roles = app_roles(&made.application).to_vec();
    let reader = Uuid::from_u128(77).to_string();
    roles.push(
        json!({"id": reader, "displayName": "Reader", "allowedMemberTypes": ["User"], "isEnabled": true}),
    );
    let change = map(json!({"appRoles": roles}));
    world.tenant.patch(ObjectKind::Application, made.application.id, None, change).await.unwrap();
    let principal = world.read(ObjectKind::ServicePrincipal, made.service_principal.id).await;
    assert_eq!(app_roles(&principal), roles);
    let other = map(json!({"appId": Uuid::from_u128(3).to_string()}));
    let renamed = world.tenant.patch(ObjectKind::Application, made.application.id, None, other).await;
    assert_eq!(refused_for(renamed), "appId");
}

#[tokio::test]
async fn the_service_principal_shares_the_fate_of_its_application() {
    let world = World::empty().await;
    let made = world.tenant.instantiate(CUSTOM_APPLICATION_TEMPLATE, "Payroll").await.unwrap();
    let (application, principal) = (made.application.id, made.service_principal.id);
    world.tenant.delete(ObjectKind::Application, application).await.unwrap();
    assert!(world.tenant.deleted(principal).await.unwrap().is_some());
    world.tenant.restore(application).await.unwrap();
    assert!(world.tenant.get(ObjectKind::ServicePrincipal, principal).await.unwrap().is_some());
    world.tenant.delete(ObjectKind::Application, application).await.unwrap();
    world.tenant.purge(application).await.unwrap();
    assert!(world.tenant.deleted(principal).await.unwrap().is_none());
}

#[tokio::test]
async fn assignments_are_made_listed_and_ended() {
    let world = World::empty().await;
    let (ada, crew) = (world.user("ada").await, world.group("crew").await);
    let principal =
        world.tenant.instantiate(CUSTOM_APPLICATION_TEMPLATE, "Payroll").await.unwrap().service_principal.id;
    let first = world.tenant.assign(principal, ada, uuid(USER_ROLE)).await.unwrap();
    let second = world.tenant.assign(principal, crew, Uuid::nil()).await.unwrap();
    let mut listed = world.tenant.assigned_to(principal, None, 10).await.unwrap();
    listed.sort_by_key(|assignment| assignment.principal != ada);
    assert_eq!(listed, [first.clone(), second.clone()]);
    assert_eq!(world.tenant.assignments_of(ada, None, 10).await.unwrap(), std::slice::from_ref(&first));
    assert_eq!(world.tenant.assigned(principal, first.id).await.unwrap(), Some(first.clone()));
    assert_eq!(world.tenant.assignment_of(ada, second.id).await.unwrap(), None);

    let again = world.tenant.assign(principal, ada, uuid(USER_ROLE)).await;
    assert!(matches!(again, Err(DirectoryError::Store(StoreError::Duplicate { .. }))), "{again:?}");
    world.tenant.unassign(first.id).await.unwrap();
    assert!(is_absent(&world.tenant.unassign(first.id).await));
    assert_eq!(world.tenant.assigned_to(principal, None, 10).await.unwrap(), [second]);
}

#[tokio::test]
async fn only_roles_that_fit_are_assigned() {
    let world = World::empty().await;
    let ada = world.user("ada").await;
    let made = world.tenant.instantiate(CUSTOM_APPLICATION_TEMPLATE, "Payroll").await.unwrap();
    let principal = made.service_principal.id;
    let mut roles = app_roles(&made.application).to_vec();
    roles[0]["isEnabled"] = false.into();
    roles[1]["allowedMemberTypes"] = json!(["Application"]);
    let change = map(json!({"appRoles": roles.clone()}));
    world.tenant.patch(ObjectKind::Application, made.application.id, None, change).await.unwrap();
    for role in [uuid(USER_ROLE), uuid(roles[1]["id"].as_str().unwrap()), Uuid::from_u128(5)] {
        assert_eq!(refused_for(world.tenant.assign(principal, ada, role).await), "appRoleId");
    }
    assert!(is_absent(&world.tenant.assign(principal, Uuid::from_u128(1), Uuid::nil()).await));
    assert!(is_absent(&world.tenant.assign(ada, ada, Uuid::nil()).await));
    assert!(is_absent(&world.tenant.assign(principal, made.application.id, Uuid::nil()).await));
}

#[tokio::test]
async fn client_secrets_are_kept_as_hashes() {
    let world = World::empty().await;
    let application = world.tenant.create_application(map(json!({"displayName": "Client"}))).await.unwrap();
    let credential = |number: u128| PasswordCredential {
        key_id: Uuid::from_u128(number),
        display_name: None,
        hint: Some("abc".to_owned()),
        start: "2026-01-01T00:00:00Z".parse().unwrap(),
        end: "2027-01-01T00:00:00Z".parse().unwrap(),
        hash: format!("hash {number}"),
    };
    for number in [1, 2, 1] {
        world.tenant.put_password(application.id, credential(number)).await.unwrap();
    }
    let kept = PasswordCredential::of(&world.read(ObjectKind::Application, application.id).await);
    assert_eq!(kept, [credential(2), credential(1)]);
    world.tenant.remove_password(application.id, Uuid::from_u128(2)).await.unwrap();
    assert!(is_absent(&world.tenant.remove_password(application.id, Uuid::from_u128(2)).await));
    let kept = PasswordCredential::of(&world.read(ObjectKind::Application, application.id).await);
    assert_eq!(kept, [credential(1)]);
}
