package checkpoint

// nearest is the name that needs the fewest edits to become want (Levenshtein
// distance over bytes), the first of several.
func nearest(want string, names []string) string {
	best, bestName := -1, ""
	row := make([]int, len(want)+1)
	for _, name := range names {
		if gap := abs(len(want) - len(name)); best >= 0 && gap >= best {
			continue
		}
		if d := distance(want, name, row); best < 0 || d < best {
			best, bestName = d, name
		}
	}
	return bestName
}

// distance is the least number of bytes inserted, removed or replaced to make b
// of a. row is scratch of len(a)+1: after i bytes of b, row[j] is the distance
// of a[:j] and b[:i].
func distance(a, b string, row []int) int {
	for j := range row {
		row[j] = j
	}
	for i := range len(b) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(a) {
			replace := diagonal
			if a[j] != b[i] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(a)]
}

func abs(n int) int { return max(n, -n) }
