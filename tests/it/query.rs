story! { async fn x(server) { drop(server); } } use crate::story;
