//! What is read, and what is refused.

use super::*;

fn configuration(secrets: &[(&str, &str)], settings: &[(&str, &str)]) -> Configuration {
    let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    Configuration {
        tenant: model::TenantId(model::Uuid::nil()),
        service_principal: model::ServicePrincipalId(model::Uuid::nil()),
        job: None,
        secrets: owned(secrets).into_iter().collect::<Secrets>(),
        settings: owned(settings),
        nested_groups: false,
    }
}

#[test]
fn what_is_given_is_read() {
    let secrets = [("BaseAddress", " https://Example.com:8443/scim/v2/ "), ("SecretToken", "t0ken")];
    let read =
        ScimConfiguration::read(&configuration(&secrets, &[("PageSize", "50"), ("RequestTimeout", "PT5S")]))
            .unwrap();
    assert_eq!(read.base.as_str(), "https://example.com:8443/scim/v2");
    assert_eq!(read.authorization, Authorization::Bearer("t0ken".to_owned()));
    assert_eq!((read.page_size, read.member_chunk_size), (50, 100));
    assert_eq!(read.request_timeout, Duration::from_secs(5));
    assert!(!format!("{read:?}").contains("t0ken"));
    let secrets = [("BaseAddress", "http://127.0.0.1"), ("UserName", "u"), ("Password", "p")];
    let read = ScimConfiguration::read(&configuration(&secrets, &[])).unwrap();
    assert_eq!(
        read.authorization,
        Authorization::Basic { user_name: "u".to_owned(), password: "p".to_owned() }
    );
    let read = ScimConfiguration::read(&configuration(&[("BaseAddress", "http://h/x")], &[])).unwrap();
    assert_eq!(read.authorization, Authorization::None);
}

#[test]
fn a_service_is_the_same_with_other_credentials() {
    let of =
        |address: &str| identity(&[("BaseAddress".to_owned(), address.to_owned())].into_iter().collect());
    let bare = of("https://h/scim");
    assert_eq!(bare, "https://h/scim");
    for same in ["https://H/scim/", "https://h/scim?code=a", "https://h/scim?API_KEY=b&aadOptscim062020"] {
        assert_eq!(of(same), bare, "{same}");
    }
    let tenant = of("https://h/scim?tenant=a&code=s3cret");
    assert_eq!(tenant, of("https://h/scim?code=other&tenant=a"));
    let others = ["https://h/scim2", "https://h/scim?tenant=b", "http://h/scim", "https://h/scim?x=s3cret"];
    for other in others.map(of) {
        assert!(other != tenant && other != bare && !other.contains("s3cret"), "{other}");
    }
    assert_eq!((of("no address?code=s3cret"), identity(&Secrets::default())), (String::new(), String::new()));
}

type Pairs<'a> = &'a [(&'a str, &'a str)];

#[test]
fn what_is_wrong_is_named() {
    let good = ("BaseAddress", "https://h");
    let cases: &[(Pairs<'_>, Pairs<'_>, &str, bool)] = &[
        (&[], &[], "BaseAddress", true),
        (&[("BaseAddress", " ")], &[], "BaseAddress", true),
        (&[("BaseAddress", "example.com/scim")], &[], "BaseAddress", false),
        (&[("BaseAddress", "ftp://h")], &[], "BaseAddress", false),
        (&[("BaseAddress", "https://u:p@h")], &[], "BaseAddress", false),
        (&[("BaseAddress", "https://h?aadOptscim062020=maybe")], &[], "BaseAddress", false),
        (&[("BaseAddress", "https://h?aadOptscim062020&AzureAdScimPatch2017")], &[], "BaseAddress", false),
        (&[("BaseAddress", "https://h#x")], &[], "BaseAddress", false),
        (&[good, ("SecretToken", "a b")], &[], "SecretToken", false),
        (&[good, ("UserName", "u")], &[], "Password", true),
        (&[good, ("Password", "p")], &[], "UserName", true),
        (&[good, ("UserName", "u:v"), ("Password", "p")], &[], "UserName", false),
        (&[good], &[("PageSize", "0")], "PageSize", false),
        (&[good], &[("RequestTimeout", "1 day")], "RequestTimeout", false),
        (&[good], &[("ScimPatchProfile", "other")], "ScimPatchProfile", false),
        (&[good], &[("PageSise", "1")], "PageSise", false),
        (&[good], &[("IdsChange", "perhaps")], "IdsChange", false),
        (&[good], &[("NoFilterOn", "user name")], "NoFilterOn", false),
        (&[good, ("Oauth2ClientId", "c")], &[], "Oauth2TokenExchangeUri", true),
        (&[good, ("Oauth2RefreshToken", "r")], &[], "Oauth2TokenExchangeUri", true),
        (&[good, ("Oauth2TokenExchangeUri", "token")], &[], "Oauth2TokenExchangeUri", false),
        (&[good, ("Oauth2TokenExchangeUri", "https://h/t")], &[], "Oauth2ClientId", true),
        (
            &[good, ("Oauth2TokenExchangeUri", "https://h/t"), ("Oauth2ClientId", "c")],
            &[],
            "Oauth2ClientSecret",
            true,
        ),
    ];
    for &(secrets, settings, key, missing) in cases {
        let error = ScimConfiguration::read(&configuration(secrets, settings)).unwrap_err();
        assert_eq!((error.key.as_str(), error.missing), (key, missing), "{error}");
    }
}

#[test]
fn of_several_credentials_the_strongest_is_taken() {
    let base = ("BaseAddress", "https://h");
    let user = [("UserName", "u"), ("Password", "p")];
    let client = [
        ("Oauth2TokenExchangeUri", "https://h/t"),
        ("Oauth2ClientId", "c"),
        ("Oauth2ClientSecret", "s3cret"),
    ];
    let read = |secrets: &[(&str, &str)]| {
        let all: Vec<_> = [base].iter().chain(secrets).copied().collect();
        ScimConfiguration::read(&configuration(&all, &[("Oauth2Scope", "scim")])).unwrap().authorization
    };
    let token = [("SecretToken", "t0ken")];
    assert_eq!(read(&[&user[..], &client, &token].concat()), Authorization::Bearer("t0ken".to_owned()));
    let Authorization::Oauth(found) = read(&[&user[..], &client].concat()) else { panic!("OAuth") };
    assert!(found.grant == Grant::ClientCredentials && found.scope.as_deref() == Some("scim"));
    assert!(!format!("{:?}", Authorization::Oauth(found)).contains("s3cret"));
    let code = [("Oauth2AuthorizationCode", "code"), ("Oauth2RedirectUri", "https://me")];
    let Authorization::Oauth(found) = read(&[&client[..], &code].concat()) else { panic!("OAuth") };
    let redirect = Some("https://me".to_owned());
    assert!(found.grant == Grant::AuthorizationCode { code: "code".to_owned(), redirect });
    let refresh = [("Oauth2RefreshToken", "again")];
    let Authorization::Oauth(found) = read(&[&client[..], &code, &refresh].concat()) else { panic!("OAuth") };
    assert!(found.grant == Grant::RefreshToken("again".to_owned()));
}

#[test]
fn settings_say_where_a_service_differs() {
    let read = |address: &str, settings: &[(&str, &str)]| {
        ScimConfiguration::read(&configuration(&[("BaseAddress", address)], settings)).unwrap()
    };
    let usual = read("https://h", &[]);
    assert_eq!(usual.patch_profile, PatchProfile::Rfc7644);
    assert!(usual.quirks.listing && usual.quirks.patch && usual.quirks.soft_delete);
    let flagged = read("https://h/scim/?x=1&aadOptscim062020", &[]);
    assert_eq!((flagged.base.as_str(), flagged.quirks.listing), ("https://h/scim?x=1", false));
    assert_eq!(flagged.patch_profile, PatchProfile::AadOptScim062020);
    let named = "userName, emails[type eq \"a,b\"].value ,title";
    let quirks = read("https://h", &[("NoFilterOn", named), ("OmitExtensionSchemas", "TRUE")]).quirks;
    assert_eq!(quirks.unfiltered, ["userName", "emails[type eq \"a,b\"].value", "title"]);
    assert!(quirks.cannot_filter_by("USERNAME") && !quirks.cannot_filter_by("externalId"));
    assert_eq!(quirks.extensions, Extensions::Unannounced);
}
