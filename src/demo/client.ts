/** The gateway as its users see it: HTTP and JSON. Any other status than the expected one is an error that shows the answer. */
export class Client {
	readonly #base: string;
	readonly #key: string;

	constructor(base: string, key: string) {
		this.#base = base;
		this.#key = key;
	}

	post<T>(path: string, body: unknown, expected: number): Promise<T> {
		return this.#call(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }, expected);
	}

	/** multipart/form-data, which names its own type. */
	postForm<T>(path: string, form: FormData, expected: number): Promise<T> {
		return this.#call(path, { method: "POST", body: form }, expected);
	}

	get<T>(path: string): Promise<T> {
		return this.#call(path, {}, 200);
	}

	async #call<T>(path: string, init: RequestInit, expected: number): Promise<T> {
		const response = await fetch(this.#base + path, { ...init, headers: { ...init.headers, authorization: `Bearer ${this.#key}` } });
		const text = await response.text();
		if (response.status !== expected) throw new Error(`${init.method ?? "GET"} ${path} answered ${response.status}: ${text}`);
		return JSON.parse(text) as T;
	}
}

export interface Job {
	id: string;
	state: string;
	result_url: string | null;
}
export interface Entry {
	at: string;
	kind: string;
	what: string;
	[field: string]: unknown;
}
