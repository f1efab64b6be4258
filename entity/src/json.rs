//! Values kept as one column of JSON text. Text and not the databases' JSON types: it is read with one pass of
//! serde, straight into the value, and is the same on both databases.

/// Lets a serde value be a column of JSON text.
macro_rules! json_column {
    ($name:ty) => {
        impl From<$name> for sea_orm::Value {
            fn from(value: $name) -> Self {
                serde_json::to_string(&value).expect("plain data always serializes").into()
            }
        }

        impl sea_orm::TryGetable for $name {
            fn try_get_by<I: sea_orm::ColIdx>(
                row: &sea_orm::QueryResult,
                index: I,
            ) -> Result<Self, sea_orm::TryGetError> {
                let text = <String as sea_orm::TryGetable>::try_get_by(row, index)?;
                serde_json::from_str(&text).map_err(|error| {
                    sea_orm::TryGetError::DbErr(sea_orm::DbErr::Type(format!("stored JSON: {error}")))
                })
            }
        }

        impl sea_orm::sea_query::ValueType for $name {
            fn try_from(value: sea_orm::Value) -> Result<Self, sea_orm::sea_query::ValueTypeErr> {
                let text = <String as sea_orm::sea_query::ValueType>::try_from(value)?;
                serde_json::from_str(&text).map_err(|_| sea_orm::sea_query::ValueTypeErr)
            }

            fn type_name() -> String {
                stringify!($name).to_owned()
            }

            fn array_type() -> sea_orm::sea_query::ArrayType {
                sea_orm::sea_query::ArrayType::String
            }

            fn column_type() -> sea_orm::ColumnType {
                sea_orm::ColumnType::Text
            }
        }

        impl sea_orm::sea_query::Nullable for $name {
            fn null() -> sea_orm::Value {
                sea_orm::Value::String(None)
            }
        }

        impl sea_orm::IntoActiveValue<$name> for $name {
            fn into_active_value(self) -> sea_orm::ActiveValue<$name> {
                sea_orm::ActiveValue::Set(self)
            }
        }
    };
}

pub(crate) use json_column;
