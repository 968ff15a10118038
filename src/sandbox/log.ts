/** The newest `limit` entries, oldest first. An entry may still be filled in by whoever added it. */
export interface Log<T> {
	add(entry: T): void;
	list(): readonly T[];
}

export function createLog<T>(limit: number): Log<T> {
	const entries: T[] = [];
	return {
		add(entry) {
			entries.push(entry);
			if (entries.length > limit) entries.shift();
		},
		list: () => entries,
	};
}

/** A Map that forgets its oldest entries past `limit`; `mayForget` protects those still in use. */
export function remember<V>(map: Map<string, V>, key: string, value: V, limit: number, mayForget: (value: V) => boolean): void {
	map.set(key, value);
	if (map.size <= limit) return;
	for (const [oldKey, old] of map) {
		if (!mayForget(old)) continue;
		map.delete(oldKey);
		return;
	}
}
