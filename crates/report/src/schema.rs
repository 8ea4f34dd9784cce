//! The published JSON Schema of the document, generated from its types.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::Document;

/// The JSON Schema (2020-12) of [`Document`].
pub fn schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<Document>()
        .to_value();
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), json!("rdpdoctor document"));
        root.insert(
            "description".to_owned(),
            json!(
                "The answer of one rdpdoctor run: verdict, stages, findings, evidence. Fields and \
                 observation kinds that are not listed may be added; none is reused for \
                 something else."
            ),
        );
    }
    schema
}
