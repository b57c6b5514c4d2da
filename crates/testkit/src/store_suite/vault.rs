//! Secrets at rest.

use std::sync::Arc;

use model::secrets::Secrets;
use model::{ServicePrincipalId, SystemEntropy};
use store::vault::Vault;
use store::{SealedSecret, SharedStore, StoreError};

use super::fixture::{Fixture, id};

const VALUE: &str = "a p\u{e4}ssword that is long enough to be looked for";

fn secrets(pairs: &[(&str, &str)]) -> Secrets {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

async fn vault(store: &SharedStore, key: u8) -> store::Result<Vault> {
    Vault::open(&**store, &[key; 32], Arc::new(SystemEntropy)).await
}

/// What rests in the store shows nothing, and opens for its tenant, owner and key alone.
pub async fn secrets_are_sealed_and_bound(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let (tenant, owner) = (fixture.tenant, fixture.owner);
    let vault = vault(&store, 1).await.expect("opened");
    let written = secrets(&[("SecretToken", VALUE), ("BaseAddress", "https://example.com")]);
    vault.replace_secrets(&*store, tenant, owner, &written).await.expect("written");
    assert!(vault.secrets(&*store, tenant, owner).await.expect("read") == written);
    let sealed = store.secrets(tenant, owner).await.expect("read");
    assert_eq!(sealed.iter().map(|one| one.key.as_str()).collect::<Vec<_>>(), ["BaseAddress", "SecretToken"]);
    assert!(sealed.iter().all(|one| !one.sealed.windows(8).any(|part| VALUE.as_bytes().starts_with(part))));

    // Written again, the same value rests as other octets.
    vault.replace_secrets(&*store, tenant, owner, &written).await.expect("written");
    assert_ne!(store.secrets(tenant, owner).await.expect("read")[1].sealed, sealed[1].sealed);

    // Moved to another key or owner, or changed by one bit, it does not open.
    let mut bent = sealed[1].clone();
    *bent.sealed.last_mut().expect("it is not empty") ^= 1;
    let renamed = SealedSecret { key: "BaseAddress".into(), ..sealed[1].clone() };
    let short = SealedSecret { sealed: vec![1, 2, 3], ..sealed[1].clone() };
    let stranger = ServicePrincipalId(id());
    for (owner, row) in [(owner, bent), (owner, renamed), (owner, short), (stranger, sealed[1].clone())] {
        store.replace_secrets(tenant, owner, vec![row]).await.expect("written");
        let refused = vault.secrets(&*store, tenant, owner).await.map(|_| ());
        assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
    }
    let value = vault.seal("signing key", b"octets").expect("sealed");
    assert_eq!(*vault.unseal("signing key", &value).expect("opened"), b"octets");
    assert!(vault.unseal("another value", &value).is_err());
}

/// The key that the vault was made with opens it again; another is refused at once, in words.
pub async fn another_key_is_refused(store: SharedStore) {
    let (one, two) = tokio::join!(vault(&store, 1), vault(&store, 1));
    let sealed = one.expect("opened").seal("name", VALUE.as_bytes()).expect("sealed");
    assert_eq!(*two.expect("opened").unseal("name", &sealed).expect("the same data key"), VALUE.as_bytes());
    let again = vault(&store, 1).await.expect("opened again");
    assert_eq!(*again.unseal("name", &sealed).expect("opened"), VALUE.as_bytes());
    let Err(error) = vault(&store, 2).await else { panic!("another key opened the vault") };
    assert!(error.to_string().contains("key"), "{error}");
}

/// Of changes at the same time each begins with what the other left.
pub async fn no_change_of_secrets_is_lost(store: SharedStore) {
    let fixture = Fixture::new(store.clone()).await;
    let (tenant, owner) = (fixture.tenant, fixture.owner);
    let vault = vault(&store, 1).await.expect("opened");
    let add = |key: &'static str| {
        vault.update_secrets(&*store, tenant, owner, move |saved: &Secrets| {
            let mut secrets = saved.clone();
            secrets.set(key, VALUE);
            Ok::<_, StoreError>(Some(secrets))
        })
    };
    let (one, two, three) = tokio::join!(add("SecretToken"), add("Password"), add("AppKey"));
    for change in [one, two, three] {
        let (before, after) = change.expect("changed");
        assert_eq!(after.iter().count(), before.iter().count() + 1);
    }
    let stay = vault.update_secrets(&*store, tenant, owner, |_: &Secrets| Ok::<_, StoreError>(None));
    let (before, after) = stay.await.expect("left alone");
    assert!(before == after && after.iter().count() == 3);
    let refuse = |_: &Secrets| Err::<Option<Secrets>, _>(StoreError::VersionMismatch);
    assert!(vault.update_secrets(&*store, tenant, owner, refuse).await.is_err());
    assert_eq!(vault.secrets(&*store, tenant, owner).await.expect("read").iter().count(), 3);
}
