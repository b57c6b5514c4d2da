use connector::{Configuration, Factory as _, Selection};
use connector_directory::DirectoryFactory;

use crate::world::World;

#[tokio::test]
async fn a_configuration_is_judged_without_reading_anything() {
    let world = World::new().await;
    let factory = DirectoryFactory::new(world.all.clone());
    assert_eq!(factory.name(), "directory");
    let good = world.configuration();
    assert_eq!((factory.validate_source(&good), factory.validate_target(&good)), (Ok(()), Ok(())));
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
    assert_eq!(factory.validate_target(&odd).unwrap_err().key, "Target.BaseDn");
}
