use connector::{ChangeRequest, Configuration, Factory as _, Selection};
use connector_inbound::InboundFactory;
use model::FailureCode;

use crate::world::World;

#[tokio::test]
async fn a_configuration_is_judged_without_reading_anything() {
    let world = World::new().await;
    let factory = InboundFactory::new(world.fixture.store.clone());
    assert!(factory.name() == "inbound" && factory.takes_uploads());
    let good = world.configuration();
    assert_eq!(factory.validate_source(&good), Ok(()));
    let source = factory.source(&good).await.unwrap();
    let selections = [Selection { kind: "Group".into(), ..Selection::default() }];
    let request = ChangeRequest { selections: &selections, cursor: None, page_size: 1 };
    assert_eq!(source.changes(request).await.unwrap_err().code, FailureCode::EntityTypeNotSupported);
    assert!(source.references(&"User".into(), &"1".into(), &"members".into(), None).await.is_err());

    let words = factory.validate_target(&good).unwrap_err().to_string();
    assert!(words.contains("can only be a source"), "{words}");
    assert!(factory.target(&good).await.is_err());
    let odd = Configuration { settings: vec![("BaseDn".into(), "x".into())], ..good.clone() };
    assert_eq!(factory.validate_source(&odd).unwrap_err().key, "Source.BaseDn");
    assert!(factory.source(&Configuration { job: None, ..good }).await.is_err());
}
