//! The block tree of a Markdown text (NIP-23), by the crate `pulldown-cmark`.
//!
//! HTML in it is shown as the text it is; an address with a scheme other than those
//! of `is_safe` links nothing. The tree is a list in document order with depths, so
//! that nothing recurses over what a stranger has nested.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::nostr::event::Tag as EventTag;
use crate::nostr::nip19::Entity;
use crate::parser::content::{self, BlockKind, imeta};

/// Deeper nesting is kept as content of the deepest level.
const MAX_DEPTH: usize = 32;

/// One node; its children follow it with a greater depth.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// 0 for the blocks of the text itself.
    pub depth: u16,
    pub kind: NodeKind,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    Paragraph,
    /// 1 to 6.
    Heading {
        level: u8,
    },
    Quote,
    /// `start` is the first number of an ordered list.
    List {
        start: Option<u64>,
    },
    /// `checked` for a task.
    Item {
        checked: Option<bool>,
    },
    Code {
        language: Option<String>,
        code: String,
    },
    Rule,
    Table,
    TableHead,
    TableRow,
    TableCell,
    Emphasis,
    Strong,
    Strikethrough,
    InlineCode {
        code: String,
    },
    /// `entity` for a `nostr:` address (NIP-21).
    Link {
        url: String,
        title: Option<String>,
        entity: Option<Entity>,
    },
    /// Its children describe it.
    Image {
        url: String,
        title: Option<String>,
    },
    SoftBreak,
    LineBreak,
    /// A piece of text; what it is, as content blocks are.
    Content {
        kind: BlockKind,
        text: String,
    },
}

/// Reads `text`. `tags` are its event's (NIP-30, NIP-92).
pub fn parse(text: &str, tags: &[EventTag]) -> Vec<Node> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut tree = Tree {
        tags,
        nodes: Vec::new(),
        open: Vec::new(),
        depth: 0,
        links: 0,
        pending: String::new(),
        code: None,
    };
    for event in Parser::new_ext(text, options) {
        tree.event(event);
    }
    tree.flush();
    tree.nodes
}

struct Tree<'a> {
    tags: &'a [EventTag],
    nodes: Vec<Node>,
    /// For every open element whether it became a node.
    open: Vec<bool>,
    depth: usize,
    /// Open links: an address inside one is its text.
    links: usize,
    /// Text not yet split: the crate gives it in pieces.
    pending: String,
    /// The code block being read.
    code: Option<(Option<String>, String)>,
}

impl Tree<'_> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => match &mut self.code {
                Some((_, code)) => code.push_str(&text),
                None => self.pending.push_str(&text),
            },
            Event::Start(Tag::CodeBlock(kind)) => {
                self.flush();
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info.split_whitespace().next().map(content::mask),
                    CodeBlockKind::Indented => None,
                };
                self.code = Some((language, String::new()));
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some((language, code)) = self.code.take() {
                    self.leaf(NodeKind::Code {
                        language,
                        code: content::mask(&code),
                    });
                }
            }
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Code(code) => self.leaf(NodeKind::InlineCode {
                code: content::mask(&code),
            }),
            Event::Rule => self.leaf(NodeKind::Rule),
            Event::SoftBreak => self.leaf(NodeKind::SoftBreak),
            Event::HardBreak => self.leaf(NodeKind::LineBreak),
            Event::TaskListMarker(done) => {
                if let Some(Node {
                    kind: NodeKind::Item { checked },
                    ..
                }) = self.nodes.last_mut()
                {
                    *checked = Some(done);
                }
            }
            // Extensions that are not enabled.
            Event::FootnoteReference(_) | Event::InlineMath(_) | Event::DisplayMath(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        self.flush();
        if matches!(tag, Tag::Link { .. }) {
            self.links += 1;
        }
        let kind = node_kind(tag).filter(|_| self.depth < MAX_DEPTH);
        self.open.push(kind.is_some());
        if let Some(kind) = kind {
            self.push(kind);
            self.depth += 1;
        }
    }

    fn end(&mut self, tag: TagEnd) {
        self.flush();
        if tag == TagEnd::Link {
            self.links = self.links.saturating_sub(1);
        }
        if self.open.pop() == Some(true) {
            self.depth = self.depth.saturating_sub(1);
        }
    }

    fn leaf(&mut self, kind: NodeKind) {
        self.flush();
        self.push(kind);
    }

    fn push(&mut self, kind: NodeKind) {
        // At most MAX_DEPTH.
        self.nodes.push(Node {
            depth: self.depth as u16,
            kind,
        });
    }

    fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let text = std::mem::take(&mut self.pending);
        for block in content::parse_inline(&text, self.tags) {
            let source = block.source(&text);
            let (kind, source) = match block.kind {
                BlockKind::Secret => (BlockKind::Secret, content::SECRET_MASK),
                BlockKind::Link { .. } | BlockKind::Nostr(_) if self.links > 0 => (BlockKind::Text, source),
                kind => (kind, source),
            };
            self.push(NodeKind::Content {
                kind,
                text: source.to_owned(),
            });
        }
    }
}

/// The node an element becomes; `None` for one that is only the text in it.
fn node_kind(tag: Tag<'_>) -> Option<NodeKind> {
    let title = |title: &str| (!title.is_empty()).then(|| content::mask(title));
    Some(match tag {
        Tag::Paragraph => NodeKind::Paragraph,
        Tag::Heading { level, .. } => NodeKind::Heading { level: level as u8 },
        Tag::BlockQuote(_) => NodeKind::Quote,
        Tag::List(start) => NodeKind::List { start },
        Tag::Item => NodeKind::Item { checked: None },
        Tag::Table(_) => NodeKind::Table,
        Tag::TableHead => NodeKind::TableHead,
        Tag::TableRow => NodeKind::TableRow,
        Tag::TableCell => NodeKind::TableCell,
        Tag::Emphasis => NodeKind::Emphasis,
        Tag::Strong => NodeKind::Strong,
        Tag::Strikethrough => NodeKind::Strikethrough,
        Tag::Link {
            dest_url, title: text, ..
        } if is_safe(&dest_url) => {
            let entity = dest_url
                .strip_prefix("nostr:")
                .and_then(|entity| Entity::decode(entity).ok());
            NodeKind::Link {
                url: dest_url.into_string(),
                title: title(&text),
                entity,
            }
        }
        Tag::Image {
            dest_url, title: text, ..
        } if imeta::is_web(&dest_url) && is_safe(&dest_url) => NodeKind::Image {
            url: dest_url.into_string(),
            title: title(&text),
        },
        _ => return None,
    })
}

/// Whether an address can be followed: the web, mail, Nostr; and it holds no secret key.
fn is_safe(url: &str) -> bool {
    let has_scheme = imeta::is_web(url) || url.starts_with("nostr:") || url.starts_with("mailto:");
    has_scheme && content::mask(url) == url
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree with two spaces a level.
    fn tree(text: &str) -> String {
        let mut out = String::new();
        for node in parse(text, &[]) {
            out.push_str(&"  ".repeat(usize::from(node.depth)));
            out.push_str(&match node.kind {
                NodeKind::Content {
                    kind: BlockKind::Text,
                    text,
                } => format!("{text:?}"),
                NodeKind::Content { kind, text } => {
                    format!("{} {text:?}", format!("{kind:?}").split([' ', '(']).next().unwrap())
                }
                kind => format!("{kind:?}"),
            });
            out.push('\n');
        }
        out
    }

    #[test]
    fn blocks_and_their_inlines_become_nodes() {
        let text = "# Title\n\nHello *big* **world** ~~no~~ `x`  \nnext\nline\n\n> quote\n\n3. one\n4. two\n\n- [x] done\n- [ ] open\n\n```rust\nfn f() {}\n```\n\n---\n\n|a|b|\n|-|-|\n|1|2|\n";
        assert_eq!(
            tree(text),
            "Heading { level: 1 }\n  \"Title\"\nParagraph\n  \"Hello \"\n  Emphasis\n    \"big\"\n  \" \"\n  Strong\n    \"world\"\n  \" \"\n  Strikethrough\n    \"no\"\n  \" \"\n  InlineCode { code: \"x\" }\n  LineBreak\n  \"next\"\n  SoftBreak\n  \"line\"\nQuote\n  Paragraph\n    \"quote\"\nList { start: Some(3) }\n  Item { checked: None }\n    \"one\"\n  Item { checked: None }\n    \"two\"\nList { start: None }\n  Item { checked: Some(true) }\n    \"done\"\n  Item { checked: Some(false) }\n    \"open\"\nCode { language: Some(\"rust\"), code: \"fn f() {}\\n\" }\nRule\nTable\n  TableHead\n    TableCell\n      \"a\"\n    TableCell\n      \"b\"\n  TableRow\n    TableCell\n      \"1\"\n    TableCell\n      \"2\"\n"
        );
    }

    #[test]
    fn addresses_and_entities_in_the_text_are_found() {
        let npub = "npub180cvv07tjdrrgpa0j7j7tmnyl2yr6yr7l8j4s3evf6u64th6gkwsyjh6w6";
        assert_eq!(
            tree(&format!("see https://a.example/x_y_z and nostr:{npub} #tag")),
            format!(
                "Paragraph\n  \"see \"\n  Link \"https://a.example/x_y_z\"\n  \" and \"\n  Nostr \"nostr:{npub}\"\n  \" \"\n  Hashtag \"#tag\"\n"
            )
        );
        assert!(matches!(
            &parse(&format!("[me](nostr:{npub})"), &[])[1].kind,
            NodeKind::Link {
                entity: Some(Entity::Npub(_)),
                ..
            }
        ));
        assert_eq!(
            tree("[https://a.example](https://b.example \"t\") ![alt](https://c.example/i.png)"),
            "Paragraph\n  Link { url: \"https://b.example\", title: Some(\"t\"), entity: None }\n    \"https://a.example\"\n  \" \"\n  Image { url: \"https://c.example/i.png\", title: None }\n    \"alt\"\n"
        );
    }

    #[test]
    fn html_is_text_and_unsafe_addresses_link_nothing() {
        assert_eq!(tree("<script>alert(1)</script>"), "\"<script>alert(1)</script>\"\n");
        assert_eq!(tree("a <b>b</b>"), "Paragraph\n  \"a <b>b</b>\"\n");
        for unsafe_url in [
            "javascript:alert(1)",
            "JAVASCRIPT:x",
            "data:text/html,x",
            "vbscript:x",
            "/relative",
            "#x",
        ] {
            assert_eq!(
                tree(&format!("[x]({unsafe_url})")),
                "Paragraph\n  \"x\"\n",
                "{unsafe_url}"
            );
            assert_eq!(
                tree(&format!("![x]({unsafe_url})")),
                "Paragraph\n  \"x\"\n",
                "{unsafe_url}"
            );
        }
    }

    #[test]
    fn a_secret_key_is_shown_nowhere() {
        let nsec = "nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5";
        let text = format!(
            "{nsec} `{nsec}` [{nsec}](https://a.example/{nsec} \"{nsec}\") [x](https://a.example \"{nsec}\")\n\n```{nsec}\n{nsec}\n```\n<i>{nsec}</i>"
        );
        assert!(!format!("{:?}", parse(&text, &[])).contains(nsec));
    }

    #[test]
    fn hostile_nesting_is_bounded() {
        for unit in [
            ">", "- ", "[", "![", "*", "**", "_a ", "`", "<", "1. ", "|", "|-", "\\", "&", "a\n-\n", "[a](", "~~",
        ] {
            let nodes = parse(&unit.repeat(20_000 / unit.len()), &[]);
            assert!(nodes.iter().all(|node| usize::from(node.depth) <= MAX_DEPTH), "{unit}");
        }
    }
}
