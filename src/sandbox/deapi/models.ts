import { catalogue } from "./catalogue.ts";

/** Filter names of the first contract beside the live ones; both are accepted. */
const liveNames: Record<string, string[]> = {
	aud2video: ["audio2video"],
	vid2txt: ["video2text"],
	transcribe: ["video2text"],
	aud2txt: ["audio2text"],
	videofile2txt: ["video_file2text"],
	audiofile2txt: ["audio_file2text"],
	img_upscale: ["img-upscale"],
	img_rmbg: ["img-rmbg"],
	vid_upscale: ["vid-upscale"],
	videos_replace: ["video-replace"],
};

/** One page of the catalogue in Laravel's shape. Nothing in the query is ever refused: an unknown filter matches nothing. */
export function modelsPage(query: URLSearchParams, path: string) {
	const filters = [...query.getAll("filter[inference_types]"), ...query.getAll("filter[inference_types][]")];
	const wanted = filters.flatMap((text) => text.split(",")).flatMap((name) => liveNames[name.trim()] ?? [name.trim()]);
	const found = filters.length === 0 ? catalogue : catalogue.filter((model) => model.inference_types.some((type) => wanted.includes(type)));
	const perPage = Math.min(whole(query.get("limit")) ?? whole(query.get("per_page")) ?? 25, 50);
	const page = whole(query.get("page")) ?? 1;
	const lastPage = Math.max(1, Math.ceil(found.length / perPage));
	const data = found.slice((page - 1) * perPage, page * perPage);
	const url = (n: number) => {
		const next = new URLSearchParams(query);
		next.set("page", String(n));
		return `${path}?${next}`;
	};
	const prev = page > 1 ? url(page - 1) : null;
	const next = page < lastPage ? url(page + 1) : null;
	const numbered = Array.from({ length: lastPage }, (_, i) => ({ url: url(i + 1), label: String(i + 1), active: i + 1 === page }));
	return {
		data,
		links: { first: url(1), last: url(lastPage), prev, next },
		meta: {
			current_page: page,
			from: data.length === 0 ? null : (page - 1) * perPage + 1,
			last_page: lastPage,
			links: [{ url: prev, label: "&laquo; Previous", active: false }, ...numbered, { url: next, label: "Next &raquo;", active: false }],
			path,
			per_page: perPage,
			to: data.length === 0 ? null : (page - 1) * perPage + data.length,
			total: found.length,
		},
	};
}

/** A whole number from 1, or null for anything else. */
function whole(text: string | null): number | null {
	return text !== null && /^0*[1-9]\d{0,8}$/.test(text) ? Number(text) : null;
}
