//! Which profiles are not ready, and why: one condition per finding, which the list's filter and the profile's own
//! answer share, so that they cannot differ.

use std::{collections::HashMap, fmt::Write, sync::LazyLock};

use sea_orm::DbErr;

use super::{Source, page::Filter, sql::Sql};
use crate::{
    caller::Scope,
    rule::{
        layout,
        product::{self, ButtonFeature},
        readiness::Finding,
    },
};

/// How the URL of an extension mobility service is known (SVC-11); case counts.
macro_rules! em_url {
    ($alias:literal) => {
        concat!($alias, ".url LIKE '%/emapp/EMAppServlet%'")
    };
}

/// Whether a device has the extension mobility service: by a subscription, or as the cluster's devices all have it.
macro_rules! has_em {
    ($alias:literal) => {
        concat!(
            "(EXISTS (SELECT 1 FROM service_subscription x JOIN service s ON s.id = x.service_id WHERE x.device_id = ",
            $alias,
            ".id AND x.subscribed AND s.enabled AND ",
            em_url!("x"),
            ") OR EXISTS (SELECT 1 FROM service s WHERE s.cluster_id = ",
            $alias,
            ".cluster_id AND s.enterprise AND s.enabled AND ",
            em_url!("s"),
            "))"
        )
    };
}

/// The profile (`t`) has a line behind the last key for lines: of the cluster's template, or of what is taken for the
/// product's own.
static LINES_DO_NOT_FIT: LazyLock<String> = LazyLock::new(|| {
    let mut stock = String::from("CASE t.product");
    for product in product::all() {
        let lines = layout::stock(product).iter().filter(|f| **f == ButtonFeature::Line).count();
        let _ = write!(stock, " WHEN '{}' THEN {lines}", product.name.replace('\'', "''"));
    }
    format!(
        "EXISTS (SELECT 1 FROM line_appearance a WHERE a.device_id = t.id AND a.position > coalesce((SELECT \
         (length(b.features) - length(replace(b.features, '\"LINE\"', ''))) / 6 FROM template b WHERE \
         b.cluster_id = t.cluster_id AND b.kind = 'BUTTON' AND b.name = t.button_template), {stock} ELSE 1000 END))"
    )
});

/// The filter that profiles with the finding pass.
pub fn filter(finding: Finding) -> Filter {
    match finding {
        Finding::EmServiceMissing => Filter::Fixed(concat!("NOT ", has_em!("t"))),
        Finding::PhoneEmServiceMissing => Filter::Exists(
            concat!(
                "SELECT 1 FROM phone p WHERE p.extension_mobility AND (p.logout_profile_id = t.id OR p.id IN (SELECT \
                 c.phone_id FROM user_phone c JOIN profile_user l ON l.user_id = c.user_id WHERE l.profile_id = t.id)) \
                 AND NOT ",
                has_em!("p")
            ),
            "p.id",
            "phone",
        ),
        Finding::LineMissing => {
            Filter::Fixed("NOT EXISTS (SELECT 1 FROM line_appearance a WHERE a.device_id = t.id)")
        }
        Finding::LinesDoNotFit => Filter::Fixed(&LINES_DO_NOT_FIT),
        Finding::DefaultProfileMissing => Filter::Exists(
            "SELECT 1 FROM profile_user l JOIN \"user\" u ON u.id = l.user_id WHERE l.profile_id = t.id AND \
             u.default_profile_id IS NULL",
            "u.id",
            "\"user\"",
        ),
        Finding::DefaultDeviceProfileMissing => Filter::Exists(
            "SELECT 1 FROM phone p JOIN user_phone c ON c.phone_id = p.id JOIN profile_user l ON l.user_id = c.user_id \
             WHERE l.profile_id = t.id AND p.extension_mobility AND (p.product <> t.product OR p.protocol <> \
             t.protocol) AND NOT EXISTS (SELECT 1 FROM default_device_profile f WHERE f.cluster_id = p.cluster_id AND \
             f.product = p.product AND f.protocol = p.protocol)",
            "p.id",
            "phone",
        ),
        Finding::NumberWrong => Filter::Fixed(
            "EXISTS (SELECT 1 FROM line_appearance a JOIN line l ON l.id = a.line_id JOIN number n ON n.cluster_id = \
             l.cluster_id AND n.pattern = l.pattern AND n.partition = l.partition WHERE a.device_id = t.id AND \
             n.status <> 'USED')",
        ),
        Finding::ServiceUrlStale => Filter::Fixed(
            "EXISTS (SELECT 1 FROM service_subscription x JOIN service s ON s.id = x.service_id WHERE x.device_id = \
             t.id AND x.subscribed AND NOT x.custom AND x.revision <> s.revision)",
        ),
        Finding::ServiceDisabled => Filter::Fixed(
            "EXISTS (SELECT 1 FROM service_subscription x JOIN service s ON s.id = x.service_id WHERE x.device_id = \
             t.id AND x.subscribed AND NOT s.enabled)",
        ),
    }
}

/// What is found of each of the profiles, in one statement.
pub async fn findings(
    source: &impl Source,
    scope: Scope,
    profiles: &[i64],
) -> Result<HashMap<i64, Vec<Finding>>, DbErr> {
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT t.id");
    for finding in Finding::ALL {
        sql.push(", CASE WHEN ");
        filter(finding).write(&mut sql, scope);
        sql.push(" THEN TRUE ELSE FALSE END");
    }
    sql.push(" FROM profile t WHERE ").among("t.id", profiles.iter().copied());
    sql.within("t.organization_id", scope);
    let mut found = HashMap::with_capacity(profiles.len());
    for row in source.rows(sql.statement()).await? {
        let mut findings = Vec::new();
        for (at, finding) in (1..).zip(Finding::ALL) {
            if row.try_get_by_index(at)? {
                findings.push(finding);
            }
        }
        found.insert(row.try_get_by_index(0)?, findings);
    }
    Ok(found)
}
