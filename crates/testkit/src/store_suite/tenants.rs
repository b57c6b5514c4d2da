//! Tenants, values of the installation, secrets.

use model::{ServicePrincipalId, TenantId};
use store::{SealedSecret, SharedStore, StoreError, Tenant};

use super::fixture::{Fixture, at, id};

/// A tenant is found by its id, once.
pub async fn tenants_are_told_apart(store: SharedStore) {
    let tenant = |created: i64| Tenant {
        id: TenantId(id()),
        display_name: format!("Ünï \u{0}{created}"),
        domain: "example.org".into(),
        created: at(created),
    };
    let (late, early) = (tenant(2), tenant(1));
    store.create_tenant(late.clone()).await.expect("made");
    store.create_tenant(early.clone()).await.expect("made");
    let again = store.create_tenant(early.clone()).await;
    assert!(matches!(again, Err(StoreError::Duplicate { .. })), "{again:?}");
    assert_eq!(store.tenant(early.id).await.expect("read"), Some(early.clone()));
    assert_eq!(store.tenant(TenantId(id())).await.expect("read"), None);
    let all = store.tenants().await.expect("read");
    let place = |tenant: &Tenant| all.iter().position(|one| one == tenant).expect("it is listed");
    assert!(place(&early) < place(&late), "oldest first");
}

/// The first value of a name holds, whoever comes later.
pub async fn values_of_the_installation_are_set_once(store: SharedStore) {
    let name = format!("value {}", id());
    assert_eq!(store.installation_value(&name).await.expect("read"), None);
    let (first, second) = tokio::join!(
        store.init_installation_value(&name, vec![1, 0, 255]),
        store.init_installation_value(&name, vec![2])
    );
    let held = store.installation_value(&name).await.expect("read").expect("it is set");
    assert!(held == [1, 0, 255] || held == [2]);
    assert_eq!(first.expect("answered"), held);
    assert_eq!(second.expect("answered"), held);
}

/// Secrets are those of the last write, by rising key, of this owner and tenant alone.
pub async fn secrets_are_replaced_whole(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let other = Fixture::new(store.clone()).await;
    let secret = |key: &str, sealed: &[u8]| SealedSecret { key: key.into(), sealed: sealed.to_vec() };
    let write = |secrets| store.replace_secrets(fixture.tenant, fixture.owner, secrets);
    write(vec![secret("b", b"2"), secret("a", b"1"), secret("ö", &[0, 255])]).await.expect("written");
    let read = |tenant, owner| store.secrets(tenant, owner);
    let expected = vec![secret("a", b"1"), secret("b", b"2"), secret("ö", &[0, 255])];
    assert_eq!(read(fixture.tenant, fixture.owner).await.expect("read"), expected);
    write(vec![secret("b", b"3")]).await.expect("written");
    assert_eq!(read(fixture.tenant, fixture.owner).await.expect("read"), vec![secret("b", b"3")]);
    assert_eq!(read(other.tenant, fixture.owner).await.expect("read"), vec![]);
    assert_eq!(read(fixture.tenant, ServicePrincipalId(id())).await.expect("read"), vec![]);
    let nowhere = store.replace_secrets(TenantId(id()), fixture.owner, vec![secret("a", b"1")]).await;
    assert!(matches!(nowhere, Err(StoreError::NotFound { .. })), "{nowhere:?}");
}

/// A value of the installation, and the secrets of an owner, are exchanged only where they are what the caller read.
pub async fn what_others_changed_is_not_exchanged(store: SharedStore) {
    let name = format!("value {}", id());
    assert!(
        !store.exchange_installation_value(&name, b"", vec![1]).await.expect("answered"),
        "nothing is there"
    );
    store.init_installation_value(&name, vec![1]).await.expect("set");
    assert!(store.exchange_installation_value(&name, &[1], vec![2]).await.expect("answered"));
    assert!(!store.exchange_installation_value(&name, &[1], vec![3]).await.expect("answered"));
    assert_eq!(store.installation_value(&name).await.expect("read"), Some(vec![2]));

    let fixture = Fixture::new(store.clone()).await;
    let secret = |key: &str, sealed: &[u8]| SealedSecret { key: key.into(), sealed: sealed.to_vec() };
    let exchange = |before, after| store.exchange_secrets(fixture.tenant, fixture.owner, before, after);
    let two = vec![secret("b", b"2"), secret("a", b"1")];
    assert!(exchange(Vec::new(), two.clone()).await.expect("answered"));
    assert!(!exchange(Vec::new(), vec![secret("a", b"3")]).await.expect("answered"));
    assert!(!exchange(vec![secret("a", b"1")], Vec::new()).await.expect("answered"));
    assert_eq!(store.secrets(fixture.tenant, fixture.owner).await.expect("read").len(), 2);
    assert!(exchange(two, vec![secret("a", b"4")]).await.expect("answered"));
    assert_eq!(store.secrets(fixture.tenant, fixture.owner).await.expect("read"), [secret("a", b"4")]);
    let nowhere = store.exchange_secrets(TenantId(id()), fixture.owner, Vec::new(), Vec::new()).await;
    assert!(matches!(nowhere, Err(StoreError::NotFound { .. })), "{nowhere:?}");
}
