// What sells when: the garment groups by season of the year.
// Parameters:
//   limit  int = 20: how many rows, the largest first
// Columns:
//   season         winter is December to February
//   number         of the garment group
//   garment_group
//   purchases      edges: identical purchases count once
MATCH (:Customer)-[b:PURCHASED]->(:Product)-[:HAS_GARMENT_GROUP]->(g:GarmentGroup)
WITH CASE
       WHEN b.month IN [12, 1, 2] THEN 'winter'
       WHEN b.month IN [3, 4, 5] THEN 'spring'
       WHEN b.month IN [6, 7, 8] THEN 'summer'
       ELSE 'autumn'
     END AS season, g.number AS number, g.name AS garment_group
RETURN season, number, garment_group, count(*) AS purchases
ORDER BY purchases DESC, season, number
LIMIT $limit
