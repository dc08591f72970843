//! A question as the bytes of a message: what a real client sent.
//!
//! RFC 1035 section 4 and RFC 6891 section 6.1; what is wrong with a frame is for [`refusal`](super::refusal) to say.
//!
//! **Left out**: records that come with a question, but for the one of EDNS, of which only size and version are read.

use super::message::{Question, Rcode, RecordType};
use super::wire::Frame;

const HEADER: usize = 12;

/// The longest name, with its length bytes.
const MAX_NAME: usize = 255;

/// `OPT`
const EDNS: u16 = 41;

/// What a client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The number its answer must carry.
    pub id: u16,
    /// What stands around the question.
    pub frame: Frame,
    /// The question; none if it cannot be read.
    pub question: Option<Question>,
    /// The size of answer it offers to take, if it speaks EDNS.
    pub edns: Option<u16>,
    /// It would like others to be asked where nothing is known.
    pub desires_recursion: bool,
}

impl Asked {
    /// Reads a message. None if it is no question at all, which nobody answers.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Asked> {
        let mut reader = Reader { bytes, at: 0 };
        let id = reader.number()?;
        let flags = reader.number()?;
        let is_answer = flags & 0x8000 != 0;
        if is_answer || bytes.len() < HEADER {
            return None;
        }
        let [n_questions, n_answers, n_authority, n_additional] = [
            reader.number()?,
            reader.number()?,
            reader.number()?,
            reader.number()?,
        ];
        let mut asked = Asked {
            id,
            frame: Frame {
                opcode: u8::try_from(flags >> 11 & 15).unwrap_or_default(),
                n_questions,
                n_answers,
                n_authority,
                n_additional,
                ..Frame::default()
            },
            question: None,
            edns: None,
            desires_recursion: flags & 0x0100 != 0,
        };
        if n_questions == 1 && asked.read_question(&mut reader).is_none() {
            asked.question = None;
            return Some(asked);
        }
        let n_records = u32::from(n_answers) + u32::from(n_authority) + u32::from(n_additional);
        for _ in 0..n_records {
            if asked.read_record(&mut reader).is_none() {
                asked.question = None;
                break;
            }
        }
        Some(asked)
    }

    /// A header alone that tells the client its message could not be read.
    #[must_use]
    pub fn unreadable(&self) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        bytes[..2].copy_from_slice(&self.id.to_be_bytes());
        bytes[2] = 0x80 | self.frame.opcode << 3;
        bytes[3] = u8::try_from(Rcode::FormErr.number() & 15).unwrap_or_default();
        bytes
    }

    fn read_question(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        let name = reader.name()?;
        let kind = RecordType::from_number(reader.number()?);
        self.frame.class = reader.number()?;
        self.question = Some(Question { name, kind });
        Some(())
    }

    fn read_record(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        reader.name()?;
        let kind = reader.number()?;
        let class = reader.number()?;
        let [_, version, ..] = *reader.take(4)? else {
            return None;
        };
        if kind == EDNS {
            self.edns = Some(class);
            self.frame.edns_version = Some(version);
        }
        let length = reader.number()?;
        reader.take(usize::from(length)).map(|_| ())
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n_bytes: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at + n_bytes)?;
        self.at += n_bytes;
        Some(taken)
    }

    fn number(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    /// A name with its final dot, written as in zone files. It may end in that of an earlier place.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let (mut at, mut n_bytes, mut after) = (self.at, 1, None);
        loop {
            let length = usize::from(*self.bytes.get(at)?);
            match length {
                0 => break,
                1..=63 => {
                    n_bytes += length + 1;
                    if n_bytes > MAX_NAME {
                        return None;
                    }
                    write_label(self.bytes.get(at + 1..at + 1 + length)?, &mut name);
                    at += 1 + length;
                }
                0xc0.. => {
                    let place = (length & 0x3f) << 8 | usize::from(*self.bytes.get(at + 1)?);
                    // A name further ahead could lead back here for ever.
                    if place >= at {
                        return None;
                    }
                    after = after.or(Some(at + 2));
                    at = place;
                }
                _ => return None,
            }
        }
        self.at = after.unwrap_or(at + 1);
        if name.is_empty() {
            name.push('.');
        }
        Some(name)
    }
}

/// A dot inside a label is `\.`, what cannot be printed a number.
fn write_label(label: &[u8], name: &mut String) {
    for byte in label {
        match byte {
            b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
                name.push('\\');
                name.push(char::from(*byte));
            }
            0x21..=0x7e => name.push(char::from(*byte)),
            _ => name.push_str(&format!("\\{byte:03}")),
        }
    }
    name.push('.');
}

#[cfg(test)]
mod tests {
    use super::super::message::Transport;
    use super::super::wire::query;
    use super::*;

    #[test]
    fn a_question_that_was_written_is_read_back() {
        for edns in [None, Some(1232)] {
            for name in ["api.default.svc.cluster.local.", ".", "a\\.b\\032c.test."] {
                let question = Question::new(name, RecordType::SRV);
                let bytes = query(&question, Transport::Udp { edns }, 4711);
                let asked = Asked::read(&bytes).expect("a question");
                assert_eq!(asked.question, Some(question));
                assert_eq!((asked.id, asked.edns), (4711, edns));
                assert!(asked.desires_recursion);
            }
        }
    }

    #[test]
    fn what_is_no_question_is_not_answered_and_half_of_one_is_refused() {
        let question = Question::new("api.default.svc.cluster.local.", RecordType::A);
        let mut bytes = query(&question, Transport::Tcp, 1);
        for length in 0..HEADER {
            assert_eq!(Asked::read(&bytes[..length]), None);
        }
        for length in HEADER..bytes.len() {
            let asked = Asked::read(&bytes[..length]).expect("it has a header");
            assert_eq!(asked.question, None, "{length}");
            assert_eq!(asked.unreadable()[3], 1);
        }
        bytes[2] |= 0x80;
        assert_eq!(Asked::read(&bytes), None);
    }

    #[test]
    fn a_name_that_points_at_itself_ends() {
        let mut bytes = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        bytes.extend([0xc0, 12, 0, 1, 0, 1]);
        let asked = Asked::read(&bytes).expect("it has a header");
        assert_eq!(asked.question, None);
    }
}
