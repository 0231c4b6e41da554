package runtime

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

var requestDefaults = Request{MaxTokens: 7, Sampling: Sampling{TopP: 1, Seed: 3}, Stop: []string{"."}}

func TestParseRequest(t *testing.T) {
	for _, c := range []struct {
		rule, line, want string
	}{
		{"what is not said is as in the defaults", `{"tokens": [1, 2]}`,
			`{"id": null, "tokens": [1, 2], "max_tokens": 7, "temperature": 0, "top_k": 0, "top_p": 1, "seed": 3, "stream": 0, "stop": ["."]}`},
		{"all may be said", `{"id": "a", "tokens": [0], "max_tokens": 1, "temperature": 0.5, "top_k": 4, "top_p": 0.25, "seed": 18446744073709551615, "stop": ["x", "y"]}`,
			`{"id": "a", "tokens": [0], "max_tokens": 1, "temperature": 0.5, "top_k": 4, "top_p": 0.25, "seed": 18446744073709551615, "stream": 18446744073709551615, "stop": ["x", "y"]}`},
		{"a single stop needs no list", `{"id": 5, "tokens": [0], "stop": "x"}`,
			`{"id": 5, "tokens": [0], "max_tokens": 7, "temperature": 0, "top_k": 0, "top_p": 1, "seed": 3, "stream": 0, "stop": ["x"]}`},
		{"no stop is none", `{"tokens": [0], "stop": []}`,
			`{"id": null, "tokens": [0], "max_tokens": 7, "temperature": 0, "top_k": 0, "top_p": 1, "seed": 3, "stream": 0, "stop": []}`},
	} {
		w, err := parseRequest([]byte(c.line), requestDefaults)
		if err != nil {
			t.Errorf("%s: %v", c.rule, err)
			continue
		}
		var want Request
		if err := json.Unmarshal([]byte(c.want), &want); err != nil {
			t.Fatal(err)
		}
		if string(want.ID) == "null" {
			want.ID = nil
		}
		if !reflect.DeepEqual(w.Request, want) {
			t.Errorf("%s:\n%+v, want\n%+v", c.rule, w.Request, want)
		}
	}
}

func TestRequestFaults(t *testing.T) {
	for _, c := range []struct {
		rule, line string
		texts      []string
	}{
		{"a line is JSON", `{"prompt": "x"`, []string{"not JSON", "byte 14"}},
		{"a line is an object", `["x"]`, []string{"array", "want an object"}},
		{"a line is not null", `null`, []string{"null", "want an object"}},
		{"a line is UTF-8", "{\"prompt\": \"\xff\"}", []string{"UTF-8", "0xff", "offset 12 of 15"}},
		{"a line ends with its object", `{"prompt": "x"} {}`, []string{"not JSON", "byte 17"}},
		{"there is a prompt", `{"id": 1}`, []string{`"prompt"`, `"tokens"`}},
		{"there is one prompt", `{"prompt": "x", "tokens": [1]}`, []string{`"prompt"`, `"tokens"`}},
		{"a field is there once", `{"prompt": "x", "max_tokens": 1, "max_tokens": 2}`, []string{`field "max_tokens" is there twice`}},
		{"by whatever spelling", `{"prompt": "x", "pr\u006fmpt": "y"}`, []string{`field "prompt" is there twice`}},
		{"the first fault is told", `{"temperature": "x", "max_tokens": "y", "prompt": 1}`, []string{`field "temperature"`}},
		{"fields are known", `{"prompt": "x", "Temperature": 1}`, []string{`unknown field "Temperature"`}},
		{"a prompt is a text", `{"prompt": 5}`, []string{`field "prompt"`, "number", "want a text"}},
		{"a prompt is not null", `{"prompt": null}`, []string{`field "prompt"`, "null", "want a text"}},
		{"tokens are ids", `{"tokens": [1, "x"]}`, []string{`field "tokens"`, "string", "token ids"}},
		{"tokens are a list", `{"tokens": null}`, []string{`field "tokens"`, "null"}},
		{"an id is not an object", `{"prompt": "x", "id": {}}`, []string{`field "id"`, "object", "a string or an integer"}},
		{"an id is not a fraction", `{"prompt": "x", "id": 1.5}`, []string{`field "id"`, "1.5", "a string or an integer"}},
		{"an id is not null", `{"prompt": "x", "id": null}`, []string{`field "id"`, "null"}},
		{"max_tokens is whole", `{"prompt": "x", "max_tokens": 1.5}`, []string{`field "max_tokens"`, "1.5", "an integer"}},
		{"max_tokens is 1 or more", `{"prompt": "x", "max_tokens": 0}`, []string{"max_tokens 0", "1 or more"}},
		{"temperature is not negative", `{"prompt": "x", "temperature": -1}`, []string{"temperature -1", "0 or more"}},
		{"temperature is a number", `{"prompt": "x", "temperature": "hot"}`, []string{`field "temperature"`, "string", "a number"}},
		{"temperature is finite", `{"prompt": "x", "temperature": 1e300}`, []string{"temperature 1e+300", "at most 3.4028234663852886e+38"}},
		{"top_p is above 0", `{"prompt": "x", "top_p": 0}`, []string{"top_p 0", "more than 0"}},
		{"top_p is at most 1", `{"prompt": "x", "top_p": 1.01}`, []string{"top_p 1.01", "at most 1"}},
		{"top_k is not negative", `{"prompt": "x", "top_k": -2}`, []string{"top_k -2"}},
		{"a seed is not negative", `{"prompt": "x", "seed": -1}`, []string{`field "seed"`, "-1", "an integer from 0"}},
		{"a stop is not empty", `{"prompt": "x", "stop": ["a", ""]}`, []string{"stop string is empty"}},
		{"a stop is a text", `{"prompt": "x", "stop": [1]}`, []string{`field "stop"`, "number", "a list of texts"}},
		{"a stop is not null", `{"prompt": "x", "stop": [null]}`, []string{`field "stop"`, "null"}},
	} {
		_, err := parseRequest([]byte(c.line), requestDefaults)
		if err == nil {
			t.Errorf("%s: no error", c.rule)
			continue
		}
		for _, text := range c.texts {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %q is not in %q", c.rule, text, err)
			}
		}
	}
}

func TestParseRequests(t *testing.T) {
	lines, err := parseRequests([]byte("{\"prompt\": \"x\"}\n\n  \n{\"prompt\": \"y\", \"id\": \"b\"}\r\n{\"prompt\": \"z\", \"seed\": 9}"), requestDefaults)
	if err != nil || len(lines) != 3 {
		t.Fatalf("%d requests, %v; want 3", len(lines), err)
	}
	for i, want := range []struct {
		id     string
		line   int
		stream uint64
	}{{"0", 1, 0}, {`"b"`, 4, 1}, {"2", 5, ownStream}} {
		if w := lines[i]; string(w.ID) != want.id || w.line != want.line || w.Stream != want.stream {
			t.Errorf("request %d has id %s, line %d, stream %d; want %+v", i, w.ID, w.line, w.Stream, want)
		}
	}
	for _, text := range []string{
		"{\"prompt\": \"x\", \"id\": \"a\"}\n\n{\"prompt\": \"y\", \"id\": \"\\u0061\"}\n",
		"{\"prompt\": \"x\", \"id\": 2}\n\n{\"prompt\": \"y\", \"id\": 2}\n",
	} {
		if _, err := parseRequests([]byte(text), requestDefaults); err == nil || !strings.Contains(err.Error(), "lines 1 and 3 have the same id") {
			t.Errorf("the same id twice: %v", err)
		}
	}
}

// What is read is sound, and reads the same again from what it is shared as.
func FuzzParseRequest(f *testing.F) {
	for _, line := range []string{
		`{"prompt": "x"}`, `{"tokens": [1, 2], "id": "a", "stop": "."}`, `{"tokens": [], "id": -0, "seed": 1, "top_k": 2, "top_p": 0.5, "temperature": 1e-3, "max_tokens": 9, "stop": ["a", "b"]}`,
		`{"prompt": "\ud800<&>", "id": "<\u2028>"}`, `null`, `[]`, `{"prompt"`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		w, err := parseRequest(line, requestDefaults)
		if err != nil {
			return
		}
		if err := w.Validate(); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if w.ID == nil {
			w.ID = marshalID(int64(0))
		}
		shared, err := json.Marshal(w.Request)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		var again Request
		if err := json.Unmarshal(shared, &again); err != nil {
			t.Fatalf("%s: %v", shared, err)
		}
		twice, _ := json.Marshal(again)
		if string(twice) != string(shared) {
			t.Fatalf("%s is shared as %s, which reads as %s", line, shared, twice)
		}
	})
}
