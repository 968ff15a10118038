/** One step: from a place in the tree, over a UTF-16 unit. */
const stepOf = (at: number, unit: number): number => at * 65_536 + unit;

/**
 * Looks for many words at once (Aho-Corasick). It takes each sign of a text once, however many words there are and whatever
 * they have in common with it: to look for them one by one takes their lengths times the text's, where both are made for that.
 */
export class Words {
	/** A tree of the beginnings of all words; 0 is the empty one. */
	readonly #next = new Map<number, number>();
	/** Of each beginning its length, the longest end of it that is another beginning, and the longest word that it ends with. */
	readonly #length = [0];
	readonly #shorter = [0];
	readonly #word = [0];

	constructor(words: readonly string[]) {
		const levels: [at: number, parent: number, unit: number][][] = [];
		for (const word of words) {
			let at = 0;
			for (let i = 0; i < word.length; i++) {
				const step = stepOf(at, word.charCodeAt(i));
				let next = this.#next.get(step);
				if (next === undefined) {
					next = this.#length.push(i + 1) - 1;
					this.#shorter.push(0);
					this.#word.push(0);
					this.#next.set(step, next);
					levels[i] ??= [];
					levels[i]?.push([next, at, word.charCodeAt(i)]);
				}
				at = next;
			}
			this.#word[at] = word.length;
		}
		for (const [at, parent, unit] of levels.flat()) {
			const shorter = parent === 0 ? 0 : this.#after(this.#shorter[parent] ?? 0, unit);
			this.#shorter[at] = shorter;
			this.#word[at] ||= this.#word[shorter] ?? 0;
		}
	}

	/** `found`: where words begin and end, by their ends, of those that end together the longest. `begun`: so many units at the end of the text begin a word. */
	in(text: string): { found: [from: number, to: number][]; begun: number } {
		const found: [from: number, to: number][] = [];
		let at = 0;
		for (let i = 0; i < text.length; i++) {
			at = this.#after(at, text.charCodeAt(i));
			const length = this.#word[at] ?? 0;
			if (length > 0) found.push([i + 1 - length, i + 1]);
		}
		return { found, begun: this.#length[at] ?? 0 };
	}

	/** The longest beginning that this one and one more unit end with. */
	#after(beginning: number, unit: number): number {
		let at = beginning;
		for (;;) {
			const next = this.#next.get(stepOf(at, unit));
			if (next !== undefined) return next;
			if (at === 0) return 0;
			at = this.#shorter[at] ?? 0;
		}
	}
}
