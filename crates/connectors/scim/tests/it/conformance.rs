//! What holds of every target, against a real server.

use testkit::connector_suite::targets::{Subject, every_behaviour};
use testkit::rig::Scim2Server;

use super::{GROUP, USER, built, configuration};

#[tokio::test]
async fn the_suite_of_targets_holds() {
    let server = Scim2Server::start().unwrap();
    let subject = Subject {
        target: built(&configuration(&server.base_url(), &[("PageSize", "5")])).await,
        kind: USER.into(),
        account: |name| vec![("userName", name.into())],
        key: "userName".into(),
        text: "title".into(),
        several: None,
        reference: Some("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager".into()),
        groups: Some((GROUP.into(), |name| vec![("displayName", name.into())], "members".into())),
        typed: true,
        crowd: 12,
    };
    every_behaviour(&subject).await;
}
