package tokenizer_test

import (
	"fmt"
	"log"

	"capmoe/runtime/tokenizer"
)

func Example() {
	t, err := tokenizer.Load("../../examples/tiny-olmoe/tokenizer.json")
	if err != nil {
		log.Fatal(err)
	}
	ids, err := t.Encode("To the Congress:<|endoftext|>")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ids)
	tokens := make([]string, len(ids))
	for i, id := range ids {
		tokens[i], _ = t.Token(id)
	}
	fmt.Printf("%q\n", tokens)
	text, err := t.DecodeWithoutSpecial(ids)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(text)
	// Output:
	// [1220 265 369 561 591 27 0]
	// ["To" "Ġthe" "ĠC" "ong" "ress" ":" "<|endoftext|>"]
	// To the Congress:
}

// A model's ids come one at a time, and a character may take several.
func ExampleStream() {
	t, err := tokenizer.Load("../../examples/tiny-olmoe/tokenizer.json")
	if err != nil {
		log.Fatal(err)
	}
	ids, err := t.Encode("née 日本")
	if err != nil {
		log.Fatal(err)
	}
	s := t.Stream()
	for _, id := range ids {
		text, err := s.Push(id)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q ", text)
	}
	fmt.Printf("%q\n", s.Flush())
	// Output:
	// "n" "é" "e" " " "" "" "日" "" "" "本" ""
}
