use serde_json::json;

use super::*;

fn issuer(set: impl FnOnce(&mut config::Jwt)) -> Issuer {
    let mut settings = config::Jwt {
        issuer: "idp".into(),
        audience: "roamline".into(),
        keys: "keys.json".into(),
        ..config::Jwt::default()
    };
    set(&mut settings);
    Issuer::new(&settings).expect("a file needs nothing").expect("an issuer")
}

fn judged(issuer: &Issuer, claims: &Value) -> Result<Bearer, Refused> {
    issuer.judge(claims.as_object().expect("claims"), Moment(1_000_000_000))
}

fn claims() -> Value {
    json!({"exp": 2_000, "sub": "anna", "roamline_role": "OPERATOR", "roamline_organization": "acme.north"})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

#[test]
fn no_issuer_takes_no_token() {
    assert!(Issuer::new(&config::Jwt::default()).expect("nothing to do").is_none());
}

/// RFC 7519, 4.1.4 to 4.1.6; the clock says 1,000 s, and 60 s are allowed for.
#[test]
fn times_are_kept_with_an_allowance() {
    let issuer = issuer(|_| {});
    for (name, value, good) in [
        ("exp", json!(1_001), true),
        ("exp", json!(941), true),
        ("exp", json!(940), false),
        ("exp", json!(941.5), true),
        ("exp", json!("2000"), false),
        ("exp", json!(null), false),
        ("nbf", json!(1_060), true),
        ("nbf", json!(1_061), false),
        ("nbf", json!([]), false),
        ("iat", json!(1_060), true),
        ("iat", json!(1_061), false),
        ("exp", json!(i64::MAX), true),
        ("nbf", json!(i64::MIN), true),
    ] {
        assert_eq!(judged(&issuer, &with(name, value.clone())).is_ok(), good, "{name} {value}");
    }
    let mut endless = claims();
    endless.as_object_mut().expect("claims").remove("exp");
    assert!(judged(&issuer, &endless).is_err());
    let until = judged(&issuer, &claims()).expect("is good").until;
    assert_eq!(until, Moment(2_060_000_000));
}

#[test]
fn claims_mean_what_the_settings_say() {
    let plain = issuer(|_| {});
    let bearer = judged(&plain, &claims()).expect("is good");
    assert_eq!((bearer.name.as_str(), bearer.subject.as_str()), ("anna", "anna"));
    assert_eq!(
        (bearer.roles, bearer.organization.as_deref()),
        (vec!["OPERATOR".to_owned()], Some("acme.north"))
    );
    assert_eq!(
        judged(&plain, &with("roamline_organization", json!("*"))).expect("is good").organization,
        None
    );
    for (name, value) in [
        ("sub", json!("")),
        ("sub", json!(7)),
        ("sub", json!("a\nb")),
        ("sub", json!("a".repeat(201))),
        ("roamline_role", json!(null)),
        ("roamline_role", json!([])),
        ("roamline_role", json!(7)),
        ("roamline_organization", json!(null)),
        ("roamline_organization", json!(["acme"])),
        ("roamline_organization", json!("")),
    ] {
        assert!(judged(&plain, &with(name, value.clone())).is_err(), "{name} {value}");
    }

    let mapped = issuer(|settings| {
        settings.name_claim = "email".into();
        settings.role_claim = "realm_access.roles".into();
        settings.roles = "em-admin=ADMIN, em-help=VIEWER".into();
        settings.organization_claim = "https://idp/tenant".into();
        settings.organizations = "t1=acme.north, t2=*".into();
        settings.required_claims = "amr".into();
    });
    let mut said = claims();
    said["email"] = json!("anna@acme");
    said["realm_access"] = json!({"roles": ["offline", "em-help", "em-admin"]});
    said["https://idp/tenant"] = json!("t1");
    assert_eq!(judged(&mapped, &said), Err(Refused("it has no `amr`".to_owned())));
    said["amr"] = json!(["pwd"]);
    let bearer = judged(&mapped, &said).expect("is good");
    assert_eq!((bearer.name.as_str(), bearer.subject.as_str()), ("anna@acme", "anna"));
    assert_eq!(bearer.roles, ["VIEWER", "ADMIN"]);
    assert_eq!(bearer.organization.as_deref(), Some("acme.north"));
    said["https://idp/tenant"] = json!("acme.north");
    assert!(judged(&mapped, &said).is_err(), "only what the setting names means anything");

    let lenient = issuer(|settings| {
        settings.default_role = "VIEWER".into();
        settings.default_organization = "acme".into();
    });
    let bearer = judged(&lenient, &json!({"exp": 2_000, "sub": "anna"})).expect("is good");
    assert_eq!((bearer.roles, bearer.organization.as_deref()), (vec!["VIEWER".to_owned()], Some("acme")));
}

#[test]
fn only_three_parts_of_some_length_are_looked_at() {
    assert!(Issuer::is_token("a.b.c") && !Issuer::is_token("rml_abc") && !Issuer::is_token("a.b.c.d.e"));
    assert!(!Issuer::is_token(&format!("a.b.{}", "c".repeat(LONGEST))));
}
