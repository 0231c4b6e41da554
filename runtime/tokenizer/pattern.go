package tokenizer

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// wordMembers is Oniguruma's \w, the Alphabetic characters, marks, decimal
// numbers and connectors, to be put into a class. (Other_Alphabetic is marks
// and the circled letters listed here.) regexp2's own \w is a smaller set.
const wordMembers = `\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}` +
	"\u24b6-\u24e9\U0001f130-\U0001f149\U0001f150-\U0001f169\U0001f170-\U0001f189"

// groupHeads are the openings of a group, after "(?", that mean the same to
// both.
var groupHeads = []string{":", "=", "!", ">", "<=", "<!", "i:", "i)"}

// translate turns a pattern of Oniguruma (its Ruby syntax over UTF-8, as the
// library uses it) into one of regexp2 that matches the same. What the two read
// differently is rewritten, or refused with ErrUnsupported.
func translate(source string) (string, error) {
	t := translator{rest: source}
	for t.rest != "" {
		if err := t.next(); err != nil {
			return "", err
		}
	}
	if t.inClass {
		return "", fmt.Errorf("a class is not closed")
	}
	return t.out.String(), nil
}

type translator struct {
	out      strings.Builder
	rest     string // of the source
	inClass  bool
	members  int  // where those of the class start in out
	leavable bool // the class is not negated, and leaves nothing out yet
	leaving  bool // in the class that it leaves out
}

// copy moves the first n bytes of the rest to the output.
func (t *translator) copy(n int) {
	t.out.WriteString(t.rest[:n])
	t.rest = t.rest[n:]
}

// put replaces the first n bytes of the rest.
func (t *translator) put(n int, text string) {
	t.out.WriteString(text)
	t.rest = t.rest[n:]
}

// next translates one element.
func (t *translator) next() error {
	switch {
	case t.rest[0] == '\\':
		return t.escape()
	case t.inClass:
		return t.member()
	case t.rest[0] == '[':
		return t.openClass()
	case t.rest[0] == '(':
		return t.openGroup()
	case t.rest[0] == '{':
		return t.interval()
	case t.rest[0] == '^':
		return unsupportedPart("^")
	case t.rest[0] == '$':
		t.put(1, `(?m:$)`) // in Ruby's syntax every line has an end
	default:
		t.copy(1)
	}
	return nil
}

// escape translates a backslash and what belongs to it.
func (t *translator) escape() error {
	if len(t.rest) == 1 {
		return fmt.Errorf("ends in a backslash")
	}
	r, size := utf8.DecodeRuneInString(t.rest[1:])
	switch {
	case strings.ContainsRune("rntfvaesSdD", r):
		t.copy(2)
	case r == 'p' || r == 'P':
		return t.property()
	case r == 'w' && t.inClass:
		t.put(2, wordMembers)
	case r == 'w':
		t.put(2, "["+wordMembers+"]")
	case r == 'W' && !t.inClass:
		t.put(2, "[^"+wordMembers+"]")
	case (r == 'A' || r == 'z' || r == 'Z') && !t.inClass:
		t.copy(2)
	case r == 'u' && len(t.rest) >= 6 && isHex(t.rest[2:6]):
		t.copy(6)
	case r == '_' || r >= utf8.RuneSelf:
		t.put(1+size, t.rest[1:1+size])
	case unicode.IsLetter(r) || unicode.IsDigit(r):
		return unsupportedPart(t.rest[:2])
	default:
		t.copy(2)
	}
	return nil
}

// property copies \p{Name} or \P{Name}.
func (t *translator) property() error {
	end := strings.IndexByte(t.rest, '}')
	if len(t.rest) < 3 || t.rest[2] != '{' || end < 0 {
		return fmt.Errorf(`%s without {Name}`, t.rest[:2])
	}
	if strings.ContainsAny(t.rest[3:end], "^=") {
		return unsupportedPart(t.rest[:end+1])
	}
	t.copy(end + 1)
	return nil
}

func (t *translator) openClass() error {
	head := "["
	if strings.HasPrefix(t.rest, "[^") {
		head = "[^"
	}
	if strings.HasPrefix(t.rest[len(head):], "]") {
		return unsupportedPart(head + "]")
	}
	t.copy(len(head))
	t.inClass, t.leavable, t.members = true, head == "[", t.out.Len()
	return nil
}

// member copies one character of a class.
func (t *translator) member() error {
	switch {
	case t.rest[0] == '[':
		return unsupportedPart("a class within a class")
	case strings.HasPrefix(t.rest, "&&"):
		return t.leaveOut()
	case t.rest[0] == ']':
		return t.closeClass()
	}
	t.copy(1)
	return nil
}

// leaveOut turns [x&&[^y]] into [x-[y]]; other intersections are refused.
func (t *translator) leaveOut() error {
	const head = "&&[^"
	members := t.out.String()[t.members:]
	if !t.leavable || members == "" || strings.HasSuffix(members, "-") || !strings.HasPrefix(t.rest, head) || strings.HasPrefix(t.rest[len(head):], "]") {
		return unsupportedPart("&& in a class")
	}
	t.put(len(head), "-[")
	t.leavable, t.leaving = false, true
	return nil
}

func (t *translator) closeClass() error {
	if t.leaving {
		if !strings.HasPrefix(t.rest, "]]") {
			return unsupportedPart("more behind && in a class")
		}
		t.copy(1)
	}
	t.copy(1)
	t.inClass, t.leaving = false, false
	return nil
}

func (t *translator) openGroup() error {
	if !strings.HasPrefix(t.rest, "(?") {
		t.copy(1)
		return nil
	}
	for _, head := range groupHeads {
		if strings.HasPrefix(t.rest[2:], head) {
			t.copy(2 + len(head))
			return nil
		}
	}
	return unsupportedPart(t.rest[:min(len(t.rest), 4)])
}

// interval copies {n}, {n,} or {n,m}; any other brace is a brace. A plus behind
// an interval is possessive to regexp2 and one more repetition to Oniguruma; a
// question mark behind {n} is lazy to regexp2 and "or nothing" to Oniguruma;
// {,m} is {0,m} to Oniguruma and no interval to regexp2.
func (t *translator) interval() error {
	inside, after, closed := strings.Cut(t.rest[1:], "}")
	from, to, comma := strings.Cut(inside, ",")
	switch {
	case closed && from == "" && isDecimal(to):
		return unsupportedPart("{" + inside + "}")
	case !closed || !isDecimal(from) || to != "" && !isDecimal(to):
		t.put(1, `\{`)
		return nil
	case strings.HasPrefix(after, "+"), !comma && strings.HasPrefix(after, "?"):
		return unsupportedPart("{" + inside + "}" + after[:1])
	}
	t.copy(len("{") + len(inside) + len("}"))
	return nil
}

func unsupportedPart(part string) error {
	return fmt.Errorf("%s is %w", part, ErrUnsupported)
}

func isDecimal(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdefABCDEF") == ""
}
