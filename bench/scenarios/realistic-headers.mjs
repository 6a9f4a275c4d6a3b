// What a browser sends beside the host: ten lines, cookies among them, about 1 KiB.

export const realisticHeaders = [
  "user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
  "accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
  "accept-language: en-GB,en;q=0.9,de;q=0.8",
  "accept-encoding: gzip, deflate, br, zstd",
  "referer: https://shop.example/departments/garden?sort=price&page=4",
  "cookie: session=5f1d7a84c3be4c0f9a7be2d1c0a94e37; theme=dark; consent=analytics%3Dno%26ads%3Dno; basket=48213,48377,51002",
  "cache-control: max-age=0",
  'sec-ch-ua: "Chromium";v="140", "Not?A_Brand";v="24"',
  "sec-fetch-mode: navigate",
  "x-request-id: 0b4c7d3e-64a5-4a0e-9a8d-2f6f1f1d9a55",
];
