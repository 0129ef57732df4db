// Purchases by sales channel (H&M: 1 in a shop, 2 online).
// Columns:
//   channel
//   purchases  edges: identical purchases count once
//   units      pieces
MATCH (:Customer)-[b:PURCHASED]->(:Product)
RETURN b.channel AS channel, count(*) AS purchases, sum(b.quantity) AS units
ORDER BY channel
