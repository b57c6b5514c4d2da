use connector::{Configuration, Factory as _, Selection};
use connector_directory::DirectoryFactory;

use crate::world::World;

#[tokio::test]
async fn a_configuration_is_judged_without_reading_anything() {
    let world = World::new().await;
    let factory = DirectoryFactory::new(world.all.clone());
    assert_eq!(factory.name(), "directory");
    let good = world.configuration();
    assert_eq!(factory.validate_source(&good), Ok(()));
    assert!(
        factory
            .source(&good)
            .await
            .unwrap()
            .read(&Selection { kind: "User".into(), ..Selection::default() }, &"nobody".into(),)
            .await
            .unwrap()
            .is_none()
    );

    let mut odd = good.clone();
    odd.secrets.set("SyncAll", "maybe");
    assert_eq!(factory.validate_source(&odd).unwrap_err().key, "SyncAll");
    let odd = Configuration { settings: vec![("BaseDn".into(), "x".into())], ..good };
    assert_eq!(factory.validate_source(&odd).unwrap_err().key, "Source.BaseDn");
}

#[tokio::test]
async fn it_is_no_target_and_says_so() {
    let world = World::new().await;
    let factory = DirectoryFactory::new(world.all.clone());
    let configuration = world.configuration();
    let words = factory.validate_target(&configuration).unwrap_err().to_string();
    assert!(words.contains("can only be a source"), "{words}");
    let Err(error) = factory.target(&configuration).await else { panic!("there is no such target") };
    assert!(error.detail.contains("can only be a source"));
}
