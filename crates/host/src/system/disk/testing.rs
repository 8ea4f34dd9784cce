//! Files of a disk for tests, made from names and values.

use regf::{DataType, HiveBuilder, KeyTreeNode, KeyTreeValue};

/// A value of a test's hive: key, name, type, data.
pub(super) type Row<'a> = (&'a str, &'a str, DataType, Vec<u8>);

/// A hive with these values; a name of `-` makes the key alone.
pub(super) fn hive(rows: &[Row<'_>]) -> Vec<u8> {
    let mut root = KeyTreeNode::new("ROOT");
    for (key, name, data_type, data) in rows {
        let node = root.get_or_create_path(key);
        if *name != "-" {
            let (name, data_type, data) = ((*name).to_owned(), *data_type, data.clone());
            node.values.push(KeyTreeValue { name, data_type, data });
        }
    }
    let builder = HiveBuilder::from_tree(root);
    builder.and_then(|mut builder| builder.build()).unwrap_or_default()
}

pub(super) fn dword<'a>(key: &'a str, name: &'a str, number: u32) -> Row<'a> {
    (key, name, DataType::Dword, number.to_le_bytes().to_vec())
}

pub(super) fn text<'a>(key: &'a str, name: &'a str, text: &str) -> Row<'a> {
    let units = text.encode_utf16().chain([0]);
    (key, name, DataType::String, units.flat_map(u16::to_le_bytes).collect())
}

pub(super) fn binary<'a>(key: &'a str, name: &'a str, bytes: &[u8]) -> Row<'a> {
    (key, name, DataType::Binary, bytes.to_vec())
}
