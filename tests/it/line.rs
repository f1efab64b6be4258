//! Stories of lines, originals and clones.

use serde_json::json;

use crate::{roamline::text, story};

story! {
    /// CLN-1, CLN-3, CLN-4: through the original every clone follows; through a clone it is refused.
    async fn a_line_is_changed_through_its_original_and_every_clone_follows(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let first = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let second = admin.profile(&estate, &estate.paris, "EM-2", &["4001"]).await;
        let (original, clone) =
            (admin.appearances(&first).await.remove(0), admin.appearances(&second).await.remove(0));

        let payload = admin
            .mutate("changeLineSettings", json!({"appearanceId": clone, "settings": {"maxCalls": 6}}), "")
            .await;
        assert_eq!(payload["errors"][0]["code"], "LINE_IS_CLONE");
        assert_eq!(text(&payload["errors"][0]["originalId"]), original);
        assert_eq!(payload["errors"][0]["rule"], "CLN-3");

        let done = admin
            .done(
                "changeLineSettings",
                json!({"appearanceId": original, "settings": {"maxCalls": 6}, "reason": "more calls"}),
                "appearances { role settings { maxCalls } device { name } } profiles { name }",
            )
            .await;
        assert_eq!(
            done["appearances"],
            json!([
                {"role": "ORIGINAL", "settings": {"maxCalls": 6}, "device": {"name": "EM-1"}},
                {"role": "CLONE", "settings": {"maxCalls": 6}, "device": {"name": "EM-2"}},
            ])
        );
        assert_eq!(done["profiles"], json!([{"name": "EM-1"}, {"name": "EM-2"}]));
    }
}

story! {
    /// CLN-6: the oldest clone becomes the original when the original goes.
    async fn the_oldest_clone_is_promoted_and_the_stream_says_so(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let first = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let second = admin.profile(&estate, &estate.berlin, "EM-2", &["4001"]).await;
        let mut feed = admin.follow("", "reason change { kind ... on ClonePromoted { deviceName } }").await;
        let original = admin.appearances(&first).await.remove(0);

        let input = json!({"appearanceId": original, "reason": "moved"});
        let done =
            admin.done("removeLineFromDevice", input, "promoted { id role } line { pattern }").await;
        assert_eq!(text(&done["promoted"]["id"]), admin.appearances(&second).await[0]);
        assert_eq!(done["line"]["pattern"], "4001");

        let events = feed.take(2).await;
        assert_eq!(events[0]["change"]["kind"], "APPEARANCE_REMOVED");
        assert_eq!(events[1]["change"], json!({"kind": "CLONE_PROMOTED", "deviceName": "EM-2"}));
        assert_eq!(events[1]["reason"], "moved");
        assert_eq!(events[1]["cursor"], done["cursor"]);
    }
}
