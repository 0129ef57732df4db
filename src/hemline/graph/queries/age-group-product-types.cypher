// What an age group buys: its product types by sales.
// Parameters:
//   age_group  string = 16-25: name of the group
//   limit      int = 20: how many of them
// Columns:
//   number        of the product type
//   product_type
//   purchases     edges: identical purchases count once
MATCH (a:AgeGroup {name: $age_group})<-[:IS_AGE_GROUP]-(c:Customer)
MATCH (c)-[b:PURCHASED]->(:Product)-[:SUBSET_OF]->(n:ProductType)
RETURN n.number AS number, n.name AS product_type, count(*) AS purchases
ORDER BY purchases DESC, number
LIMIT $limit
