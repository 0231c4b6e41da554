package study

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"capmoe/runtime/tokenizer"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// File is a study file: its definition over the defaults, and where its fields are.
type File struct {
	Definition Definition
	name       string
	fields     []*ast.MappingValueNode // in the order of the file
}

// Decode reads a study file. What is no YAML, unknown fields, fields given twice and
// values of another type are errors that name file, line and field; what the values
// mean is for Validate.
func Decode(name string, text []byte) (*File, error) {
	f := &File{Definition: Default(), name: name}
	if err := tokenizer.CheckUTF8(text); err != nil {
		return nil, fmt.Errorf("study: %s is %w", name, err)
	}
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, f.fault(err)
	}
	if n := len(tree.Docs); n > 1 {
		return nil, fmt.Errorf("study: %s: %d documents, want one", name, n)
	}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil {
		return f, nil
	}
	body, ok := tree.Docs[0].Body.(*ast.MappingNode)
	if !ok {
		return nil, f.faultAt(tree.Docs[0].Body, "%s, want fields, such as ranks: [1, 2]", kindOf(tree.Docs[0].Body))
	}
	f.fields = body.Values
	into := reflect.ValueOf(&f.Definition).Elem()
	for _, field := range f.fields {
		if err := f.decode(into, field); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// decode reads one field.
func (f *File) decode(into reflect.Value, field *ast.MappingValueNode) error {
	key := field.Key.GetToken().Value
	of := fieldOf(into, key)
	if !of.IsValid() {
		return f.faultAt(field.Key, "unknown field %q, want one of %s", key, strings.Join(Fields(), ", "))
	}
	if list, ok := field.Value.(*ast.SequenceNode); ok && of.Kind() == reflect.Slice {
		of.SetZero()
		for i, node := range list.Values {
			v := reflect.New(of.Type().Elem()).Elem()
			if err := decodeScalar(v, node); err != nil {
				return f.faultAt(node, "%s[%d]: %w", key, i, err)
			}
			of.Set(reflect.Append(of, v))
		}
		return nil
	}
	if of.Kind() == reflect.Slice {
		return f.faultAt(field.Value, "%s: %s, want a list, such as [a, b]", key, kindOf(field.Value))
	}
	if err := decodeScalar(of, field.Value); err != nil {
		return f.faultAt(field.Value, "%s: %w", key, err)
	}
	return nil
}

// Numbers in decimal. The library would read 010 as 8 and 1e-3 as a text, as YAML 1.1 did; in YAML 1.2 they are 10 and 0.001.
var (
	wholeNumber = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)$`)
	anyNumber   = regexp.MustCompile(`^[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
)

// decodeScalar reads one value of a plain type. The library would take 1.5 for a whole
// number and true for a text.
func decodeScalar(into reflect.Value, node ast.Node) error {
	text, quoted := node.GetToken().Value, node.GetToken().Type == token.SingleQuoteType || node.GetToken().Type == token.DoubleQuoteType
	want, fits := "a text", node.Type() == ast.StringType
	switch into.Kind() {
	case reflect.Int, reflect.Uint64:
		want, fits = "a whole number", node.Type() == ast.IntegerType && wholeNumber.MatchString(text)
	case reflect.Float64:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || quoted || !anyNumber.MatchString(text) {
			return fmt.Errorf("%s, want a number", kindOf(node))
		}
		into.SetFloat(v)
		return nil
	case reflect.Int64:
		want = "a time, such as 10m"
	}
	if !fits {
		return fmt.Errorf("%s, want %s", kindOf(node), want)
	}
	if err := yaml.NodeToValue(node, into.Addr().Interface()); err != nil {
		return fmt.Errorf("%q does not fit, want %s", node.GetToken().Value, want)
	}
	return nil
}

// kindOf is what a node is, in the words of a message.
func kindOf(node ast.Node) string {
	switch n := node.(type) {
	case ast.ScalarNode:
		if n.Type() == ast.NullType {
			return "no value"
		}
		return fmt.Sprintf("%q", n.GetToken().Value)
	}
	return "a " + node.Type().YAMLName()
}

// fieldOf is the field of a definition that has a YAML key.
func fieldOf(d reflect.Value, key string) reflect.Value {
	return d.FieldByNameFunc(func(name string) bool {
		field, _ := d.Type().FieldByName(name)
		return field.Tag.Get("yaml") == key
	})
}

// Fields lists the YAML keys in the order of Definition.
func Fields() []string {
	t := reflect.TypeFor[Definition]()
	keys := make([]string, t.NumField())
	for i := range keys {
		keys[i] = t.Field(i).Tag.Get("yaml")
	}
	return keys
}

// fault puts an error of the YAML library on one line, with file and line.
func (f *File) fault(err error) error {
	var at yaml.Error
	if !errors.As(err, &at) || at.GetToken() == nil {
		return fmt.Errorf("study: %s: %w", f.name, err)
	}
	return fmt.Errorf("study: %s:%d: %s", f.name, at.GetToken().Position.Line, at.GetMessage())
}

func (f *File) faultAt(node ast.Node, format string, args ...any) error {
	return fmt.Errorf("study: %s:%d: %w", f.name, node.GetToken().Position.Line, fmt.Errorf(format, args...))
}

// Place puts file and line before a fault of a field, where the file has the field.
func (f *File) Place(fault Fault) error {
	for _, field := range f.fields {
		if field.Key.GetToken().Value != fault.Field {
			continue
		}
		if list, ok := field.Value.(*ast.SequenceNode); ok && fault.Index >= 0 && fault.Index < len(list.Values) {
			return f.faultAt(list.Values[fault.Index], "%w", fault)
		}
		return f.faultAt(field.Key, "%w", fault)
	}
	return fmt.Errorf("study: %s: %w", f.name, fault)
}

// Has tells whether the file gives a field.
func (f *File) Has(field string) bool {
	return slices.ContainsFunc(f.fields, func(v *ast.MappingValueNode) bool { return v.Key.GetToken().Value == field })
}
