package collective

import "slices"

// takeBlocks copies this rank's block out of every rank's send buffer.
func (c *localComm) takeBlocks(at caller, recv []byte, recvCounts []int) (fault error) {
	for rank, p := range c.group.posts {
		n := recvCounts[rank]
		if p.counts[c.rank] != n {
			fault = sizeFault(at, rank, p.counts[c.rank], n)
		} else {
			copy(recv[:n], p.buf[p.displs[c.rank]:])
		}
		recv = recv[n:]
	}
	return fault
}

// takeAll copies every rank's send buffer.
func (c *localComm) takeAll(at caller, recv []byte, recvCounts []int) (fault error) {
	for rank, p := range c.group.posts {
		n := recvCounts[rank]
		if len(p.buf) != n {
			fault = sizeFault(at, rank, len(p.buf), n)
		} else {
			copy(recv, p.buf)
		}
		recv = recv[n:]
	}
	return fault
}

// takeRoot copies the root's buffer.
func (c *localComm) takeRoot(at caller, buf []byte, root int) error {
	posts := c.group.posts
	for rank, p := range posts {
		if p.root != posts[0].root {
			return at.errorf(rank, "rank %d passes root %d, rank 0 root %d", rank, p.root, posts[0].root)
		}
	}
	if n := len(posts[root].buf); n != len(buf) {
		return sizeFault(at, root, n, len(buf))
	}
	if c.rank != root {
		copy(buf, posts[root].buf)
	}
	return nil
}

// sizeFault says that a message from peer has another size than expected.
func sizeFault(at caller, peer, sent, expected int) error {
	return at.errorf(peer, "rank %d sends %d bytes, rank %d expects %d", peer, sent, at.rank, expected)
}

// divide makes the groups of a split, as the posts ask for.
func (g *localGroup) divide() {
	choices := make([]int64, 0, 2*len(g.posts))
	for _, p := range g.posts {
		choices = append(choices, int64(p.choice[0]), int64(p.choice[1]))
	}
	g.children = make([]*localGroup, len(g.posts))
	for rank, p := range g.posts {
		if p.choice[0] < 0 || g.children[rank] != nil {
			continue
		}
		ranks := membersOf(int64(p.choice[0]), choices)
		world := make([]int, len(ranks))
		for i, r := range ranks {
			world[i] = g.members[r]
		}
		child := newLocalGroup(g.world, world)
		for _, r := range ranks {
			g.children[r] = child
		}
	}
}

// rankOf is the rank in the group of a rank of the world.
func (g *localGroup) rankOf(worldRank int) int { return slices.Index(g.members, worldRank) }
