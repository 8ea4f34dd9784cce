//! A record from the parser's JSON, in one pass. Most records of a log are about something else, so
//! nothing is made of what stands behind the head of those.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::record::Record;

/// Longest text that is kept of a field, in characters.
const LONGEST: usize = 256;

/// Fields of a record that are looked at.
const FIELDS: usize = 64;

/// Where the parser puts the attributes of an element, and its text where it has both.
const ATTRIBUTES: &str = "#attributes";
const TEXT: &str = "#text";

/// Depth of elements within the event's data.
const DEPTH: u8 = 4;

/// The record of an event's JSON, with its data where `concerns` says so by its head; none when it is
/// no event.
pub(super) fn record(
    number: u64,
    json: &str,
    concerns: impl Fn(&Record<'_>) -> bool,
) -> Option<Record<'_>> {
    let mut record = Record { number, ..Record::default() };
    // The parser writes the head first. Should it not, a second pass knows it.
    for has_head in [false, true] {
        let (mut early, mut is_left) = (false, false);
        record.named.clear();
        record.placed.clear();
        let event = EventSeed {
            record: &mut record,
            has_head,
            early: &mut early,
            is_left: &mut is_left,
            concerns: &concerns,
        };
        let mut reader = serde_json::Deserializer::from_str(json);
        let read = Inside { name: "Event", seed: Some(event) }.deserialize(&mut reader);
        if is_left {
            break;
        }
        read.ok()??;
        if !early {
            break;
        }
    }
    Some(record)
}

/// A key of a map, mostly without a copy of it.
#[derive(PartialEq)]
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Key(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Key(Cow::Owned(text.to_owned())))
    }
}

/// The element of one name in a map; none where it is missing.
struct Inside<S> {
    name: &'static str,
    seed: Option<S>,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Inside<S> {
    type Value = Option<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for Inside<S> {
    type Value = Option<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a map with {}", self.name)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(Key(key)) = map.next_key()? {
            match self.seed.take_if(|_| key == self.name) {
                Some(seed) => found = Some(map.next_value_seed(seed)?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

/// What stands in `Event`.
struct EventSeed<'r, 'j, C> {
    record: &'r mut Record<'j>,
    /// The head is known from a pass before.
    has_head: bool,
    /// Set when data came before the head.
    early: &'r mut bool,
    /// Set when the head says that the rest does not matter: it is not even passed over.
    is_left: &'r mut bool,
    concerns: C,
}

impl<'de, C: Fn(&Record<'_>) -> bool> DeserializeSeed<'de> for EventSeed<'_, 'de, C> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, C: Fn(&Record<'_>) -> bool> Visitor<'de> for EventSeed<'_, 'de, C> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(key)) = map.next_key()? {
            match &*key {
                "System" if !self.has_head => {
                    map.next_value_seed(HeadSeed(self.record))?;
                    self.has_head = true;
                    if !(self.concerns)(self.record) {
                        *self.is_left = true;
                        return Err(A::Error::custom("about something else"));
                    }
                }
                "EventData" | "UserData" if self.has_head && (self.concerns)(self.record) => {
                    map.next_value_seed(Data {
                        record: self.record,
                        name: &Cow::Borrowed(""),
                        depth: DEPTH,
                    })?;
                }
                other => {
                    *self.early |= !self.has_head && matches!(other, "EventData" | "UserData");
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if self.has_head { Ok(()) } else { Err(A::Error::missing_field("System")) }
    }
}

/// What a record says of itself before what happened.
struct HeadSeed<'r, 'j>(&'r mut Record<'j>);

impl<'de> DeserializeSeed<'de> for HeadSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for HeadSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the head of an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let record = self.0;
        let mut id = None;
        while let Some(Key(key)) = map.next_key()? {
            match &*key {
                "Provider" => {
                    let name = map.next_value_seed(Attributed("Name"))?.attribute;
                    record.provider = name.map(kept).unwrap_or_default();
                }
                "EventID" => id = map.next_value_seed(Attributed(""))?.text,
                "TimeCreated" => {
                    let at = map.next_value_seed(Attributed("SystemTime"))?.attribute;
                    record.at = at.and_then(|at| at.parse().ok());
                }
                "Correlation" => {
                    let activity = map.next_value_seed(Attributed("ActivityID"))?.attribute;
                    record.activity = activity.map(|text| kept(text).to_ascii_lowercase());
                }
                "Channel" => record.channel = text_of(&mut map)?,
                "Computer" => record.computer = text_of(&mut map)?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let id = id.and_then(|id| id.parse().ok());
        record.id = id.ok_or_else(|| A::Error::missing_field("EventID"))?;
        Ok(())
    }
}

fn text_of<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Cow<'de, str>, A::Error> {
    Ok(map.next_value_seed(Attributed(""))?.text.map(kept).unwrap_or_default())
}

/// Texts are cut at their longest.
fn kept(mut text: Cow<'_, str>) -> Cow<'_, str> {
    if text.len() > LONGEST
        && let Some((end, _)) = text.char_indices().nth(LONGEST)
    {
        match &mut text {
            Cow::Borrowed(text) => *text = &text[..end],
            Cow::Owned(text) => text.truncate(end),
        }
    }
    text
}

/// An element of the head: its text, and the attribute of this name.
struct Attributed(&'static str);

#[derive(Default)]
struct Element<'de> {
    attribute: Option<Cow<'de, str>>,
    text: Option<Cow<'de, str>>,
}

impl<'de> DeserializeSeed<'de> for Attributed {
    type Value = Element<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Attributed {
    type Value = Element<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an element of the head")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Element { attribute: None, text: Some(Cow::Borrowed(text)) })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Element { attribute: None, text: Some(Cow::Owned(text.to_owned())) })
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Element { attribute: None, text: Some(Cow::Owned(number.to_string())) })
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Element::default())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Element::default())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Element::default())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Element::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Element::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut element = Element::default();
        while let Some(Key(key)) = map.next_key()? {
            let inner = map.next_value_seed(Attributed(self.0))?;
            match &*key {
                // Its attributes are such elements: here the text of the one that is asked for.
                ATTRIBUTES => element.attribute = inner.attribute,
                TEXT => element.text = inner.text,
                name if name == self.0 => element.attribute = inner.text,
                _ => {}
            }
        }
        Ok(element)
    }
}

/// What the event holds beyond its head, however deep: fields by name, and those without one.
struct Data<'r, 'n, 'j> {
    record: &'r mut Record<'j>,
    name: &'n Cow<'j, str>,
    depth: u8,
}

impl<'j> Data<'_, '_, 'j> {
    fn is_full(&self) -> bool {
        self.depth == 0 || self.record.named.len() + self.record.placed.len() >= FIELDS
    }

    fn take(self, text: Cow<'j, str>) {
        if self.is_full() {
            return;
        }
        match &**self.name {
            "Data" => self.record.placed.push(text),
            _ => self.record.named.push((self.name.clone(), text)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Data<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Data<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the data of an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(key)) = map.next_key::<Key<'de>>()? {
            if key == ATTRIBUTES || self.is_full() {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            // Fields without a name stand in `Data`, their texts under `#text`.
            let name = if key == TEXT { self.name } else { &key };
            map.next_value_seed(Data { record: self.record, name, depth: self.depth - 1 })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let depth = self.depth.saturating_sub(1);
        while seq.next_element_seed(Data { record: self.record, name: self.name, depth })?.is_some()
        {
        }
        Ok(())
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        self.take(kept(Cow::Borrowed(text)));
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.take(kept(Cow::Owned(text.to_owned())));
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.take(Cow::Owned(number.to_string()));
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.take(Cow::Owned(number.to_string()));
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.take(Cow::Owned(number.to_string()));
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.take(Cow::Owned(value.to_string()));
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::record;

    const HEAD: &str = r##""System":{"Provider":{"#attributes":{"Name":"P","Guid":"{1}"}},
        "EventID":{"#attributes":{"Qualifiers":0},"#text":36870},"Version":null,
        "TimeCreated":{"#attributes":{"SystemTime":"2026-01-01T00:00:00Z"}},
        "Correlation":{"#attributes":{"ActivityID":"{AB}"}},"Channel":"System","Computer":"pc\u0041"}"##;

    #[test]
    fn head_and_data_in_either_order() {
        let data = r##""EventData":{"Data":["a",{"#attributes":{"x":1},"#text":7}],"Name":"b","Deep":{"In":true}}"##;
        let forth = format!("{{\"Event\":{{{HEAD},{data}}}}}");
        let back = format!("{{\"Event\":{{{data},{HEAD}}}}}");
        let [forth, back] =
            [&forth, &back].map(|json| record(5, json, |_| true).expect("an event"));
        assert_eq!(forth, back);
        assert_eq!((forth.id, &*forth.provider, forth.number), (36870, "P", 5));
        assert_eq!((&*forth.computer, &*forth.channel), ("pcA", "System"));
        assert_eq!(forth.activity.as_deref(), Some("{ab}"));
        assert!(forth.at.is_some());
        assert_eq!((forth.place(0), forth.place(1)), (Some("a"), Some("7")));
        assert_eq!((forth.field(&["name"]), forth.field(&["In"])), (Some("b"), Some("true")));
    }

    #[test]
    fn data_is_left_where_nobody_wants_it_and_a_record_without_a_head_is_none() {
        let json = format!("{{\"Event\":{{{HEAD},\"EventData\":{{\"Name\":\"b\"}}}}}}");
        let left = record(1, &json, |record| record.id == 1).expect("an event");
        assert_eq!(left.field(&["Name"]), None);
        let headless = [r#"{"Event":{"EventData":{}}}"#, r#"{"Event":{"System":{}}}"#, "{}", "["];
        for json in headless {
            assert_eq!(record(1, json, |_| true), None, "{json}");
        }
    }

    #[test]
    fn texts_fields_and_depth_have_their_limits() {
        let json = |data: &str| format!("{{\"Event\":{{{HEAD},\"UserData\":{data}}}}}");
        let data = |json| record(1, json, |_| true).expect("an event");
        let long = json(&format!("{{\"Name\":\"{}\"}}", "ä".repeat(300)));
        let escaped = json(&format!("{{\"Name\":\"\\t{}\"}}", "ä".repeat(300)));
        for long in [data(&long), data(&escaped)] {
            assert_eq!(long.named[0].1.chars().count(), 256);
        }
        let many: Vec<String> = (0..100).map(|n| format!("\"F{n}\":{n}")).collect();
        let many = json(&format!("{{{}}}", many.join(",")));
        let many = data(&many);
        assert_eq!((many.field(&["F63"]), many.field(&["F64"])), (Some("63"), None));
        let deep = json(r#"{"A":{"B":{"C":"in"}},"E":{"F":{"G":{"H":"out"}}}}"#);
        let deep = data(&deep);
        assert_eq!((deep.field(&["C"]), deep.field(&["H"])), (Some("in"), None));
    }
}
